package acl

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-go/rollcall/internal/errdefs"
)

func TestRules(t *testing.T) {
	for _, tc := range []struct {
		name string
		of   Request
		want string // without commands, which the tests of the roles and the page hold
		more string // commands that come last
	}{
		{"registrar", Request{Roles: []Role{Registrar}}, "&rollcall:{default/*}:events:0 ~rollcall:{default/*}:* ~rollcall:{default}:services ~rollcall:namespaces", "+zremrangebyscore"},
		{"registrar of a service", Request{Roles: []Role{Registrar}, Namespace: "a/b", Service: "c*"}, "&rollcall:{a%2Fb/c%2A}:events:0 ~rollcall:{a%2Fb/c%2A}:* ~rollcall:{a%2Fb}:services ~rollcall:namespaces", "+zremrangebyscore"},
		{"registrar of all", Request{Roles: []Role{Registrar}, Namespace: "*", Prefix: "x", DB: 3}, "&x:{*}:events:3 ~x:{*}:* ~x:namespaces", "+select"},
		{"resolver", Request{Roles: []Role{Resolver}}, "&rollcall:{default/*}:events:0 %R~rollcall:{default/*}:* %R~rollcall:{default}:services %R~rollcall:namespaces", "+unsubscribe"},
		{"resolver of a service", Request{Roles: []Role{Resolver}, Service: "c"}, "&rollcall:{default/c}:events:0 %R~rollcall:{default/c}:*", "+unsubscribe"},
		{"resolver before Redis 7", Request{Roles: []Role{Resolver}, Service: "c", Before7: true}, "&rollcall:{default/c}:events:0 ~rollcall:{default/c}:*", "+unsubscribe"},
		{"resolver in a cluster", Request{Roles: []Role{Resolver}, Service: "c", Cluster: true}, "&rollcall:{default/c}:events:0 %R~rollcall:{default/c}:*", "+cluster|slots +cluster|shards +asking +command"},
		{"resolver in a cluster before Redis 7", Request{Roles: []Role{Resolver}, Service: "c", Cluster: true, Before7: true}, "&rollcall:{default/c}:events:0 ~rollcall:{default/c}:*", "+cluster|slots +asking +command"},
		{"resolver with hints", Request{Roles: []Role{Resolver}, Namespace: "n", WatchAll: true, Hints: true, Config: true}, "&rollcall:{n/*}:events:0 &__keyspace@0__:rollcall:{n/*}:node:* %R~rollcall:{n/*}:* %R~rollcall:{n}:services %R~rollcall:namespaces", "+psubscribe +punsubscribe +config|get"},
		{"operator", Request{Roles: []Role{Operator}}, "&rollcall:{default/*}:events:0 ~rollcall:{default/*}:* %R~rollcall:{default}:services %R~rollcall:namespaces", "+unsubscribe +psubscribe +punsubscribe"},
		{"operator of a service", Request{Roles: []Role{Operator}, Service: "c"}, "&rollcall:{default/c}:events:0 ~rollcall:{default/c}:*", "+unsubscribe"},
		{"both", Request{Roles: []Role{Resolver, Registrar}, Service: "c"}, "&rollcall:{default/c}:events:0 ~rollcall:{default/c}:* ~rollcall:{default}:services ~rollcall:namespaces", "+zremrangebyscore"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rules, err := Rules(tc.of)
			if err != nil {
				t.Fatal(err)
			}
			line := strings.Join(rules, " ")
			head, commands, _ := strings.Cut(line, " +")
			if d := cmp.Diff("resetchannels "+tc.want, head); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			if !strings.HasSuffix(" +"+commands, " "+tc.more) {
				t.Errorf("commands end in %s, want %s", commands, tc.more)
			}
			for _, command := range commandsOf(tc.of.Roles) {
				if strings.Count(line+" ", " +"+command+" ") != 1 {
					t.Errorf("%s is not there once: %s", command, line)
				}
			}
		})
	}
}

func commandsOf(roles []Role) (all []string) {
	for _, r := range roles {
		all = append(all, commands[r]...)
	}
	return all
}

func TestRulesRefuse(t *testing.T) {
	for what, r := range map[string]Request{
		"no role":               {},
		"unknown role":          {Roles: []Role{"root"}},
		"prefix":                {Roles: Roles, Prefix: "a b"},
		"database":              {Roles: Roles, DB: -1},
		"database of a cluster": {Roles: Roles, DB: 1, Cluster: true},
		"service of all":        {Roles: Roles, Namespace: "*", Service: "a"},
		"hints of a service":    {Roles: Roles, Service: "a", Hints: true},
		"hints of all":          {Roles: Roles, Namespace: "*", WatchAll: true, Hints: true},
		"a service and all":     {Roles: Roles, Service: "a", WatchAll: true},
	} {
		if rules, err := Rules(r); !errors.Is(err, errdefs.ErrInvalid) {
			t.Errorf("%s: %v, %v", what, rules, err)
		}
	}
}

func TestCommand(t *testing.T) {
	got, err := Command("shop", []string{"resetchannels", "+get"})
	if want := "ACL SETUSER shop reset on >secret resetchannels +get"; got != want || err != nil {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
	for _, user := range []string{"", "a b", "a\nFLUSHALL", "a\x00", "\x1b[2J", "\xff"} {
		if got, err := Command(user, nil); !errors.Is(err, errdefs.ErrInvalid) {
			t.Errorf("user %q: %q, %v", user, got, err)
		}
	}
}
