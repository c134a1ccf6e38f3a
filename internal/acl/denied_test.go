package acl_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/acl"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// What no role may do, whatever it is for: read and write the keys of others, and what
// belongs to who runs Redis.
var forbidden = [][]any{
	{"GET", "foreign"},
	{"HGET", "foreign", "f"},
	{"SET", "foreign", "x"},
	{"DEL", "foreign"},
	{"HGET", "<prefix>:{other/shop}:node:a", "lease"},
	{"ZADD", "<prefix>:{other/shop}:index", "1", "a"},
	{"PUBLISH", "<prefix>:{other/shop}:events:0", "x"},
	{"PUBLISH", "foreign", "x"},
	{"PUBLISH", "<shop>events:1", "x"},
	{"EVAL", "return redis.call('GET', 'foreign')", "1", "foreign"},
	{"EVAL", "return redis.call('KEYS', '*')", "0"},
	{"KEYS", "*"},
	{"SCAN", "0"},
	{"RANDOMKEY"},
	{"FLUSHALL"},
	{"FLUSHDB"},
	{"CONFIG", "SET", "maxmemory", "0"},
	{"CONFIG", "REWRITE"},
	{"ACL", "LIST"},
	{"ACL", "SETUSER", "x"},
	{"CLIENT", "KILL", "TYPE", "normal"},
	{"SHUTDOWN", "NOSAVE", "SAVE"}, // which is refused as a mistake, if it is allowed
	{"REPLICAOF", "NO", "ONE"},
	{"CLUSTER", "RESET"},
	{"MONITOR"},
	{"SCRIPT", "FLUSH"},
}

// What a resolver may not do besides, to the very service that it reads.
var forbiddenToResolvers = [][]any{
	{"HSET", "<shop>node:a", "data", "{}"},
	{"DEL", "<shop>node:a"},
	{"PEXPIRE", "<shop>node:a", "1"},
	{"ZADD", "<shop>index", "1", "a"},
	{"ZREM", "<shop>index", "a"},
	{"SET", "<shop>version", "x"},
	{"LPUSH", "<shop>log", "x"},
	{"HSET", "<shop>override", "a", "{}"},
	{"ZADD", "<prefix>:namespaces", "1", "a"},
	{"PUBLISH", "<shop>events:0", "x"},
	{"EVAL", "return 1", "0"},
	{"EVALSHA", "abc", "0"},
}

func TestRolesDoNotDoMore(t *testing.T) {
	each(t, func(t *testing.T, tp redistest.Topology, servers []*redistest.Server) {
		for _, role := range acl.Roles {
			for _, scope := range scopes[:2] {
				t.Run(string(role)+" of a "+scope.name, func(t *testing.T) {
					s, r := newSite(t, tp, servers...), scope.of
					r.Roles = []acl.Role{role}
					c := s.client(s.user("user", s.rules(r)))
					calls := forbidden
					if role == acl.Resolver {
						calls = slices.Concat(calls, forbiddenToResolvers)
					}
					if scope.of.Service != "" {
						calls = append(slices.Clip(calls), []any{"HGET", "<desk>node:a", "lease"}, []any{"PUBLISH", "<desk>events:0", "x"})
					}
					if role != acl.Registrar && scope.of.Service != "" {
						calls = append(slices.Clip(calls), []any{"ZRANGE", "<prefix>:namespaces", "0", "-1"})
					}
					for _, args := range calls {
						args = s.fill(args, scope.ns)
						err := c.Do(t.Context(), args...).Err()
						if err == nil || !strings.HasPrefix(err.Error(), "NOPERM") && !strings.Contains(err.Error(), "user executing the script") && !strings.Contains(err.Error(), "ACL failure in script") {
							t.Errorf("%v: %v, want that Redis refuses it", args, err)
						}
					}
				})
			}
		}
	})
}

// fill puts this test's names in the place of <prefix>, <shop> and <desk>.
func (s *site) fill(args []any, ns string) (filled []any) {
	base := func(service string) string {
		return strings.TrimSuffix(s.space.Service(ns, service).KeysPattern(), "*")
	}
	names := strings.NewReplacer("<prefix>", s.prefix, "<shop>", base("shop"), "<desk>", base("desk"))
	for _, a := range args {
		filled = append(filled, names.Replace(a.(string)))
	}
	return filled
}

// A registrar of a service, or of a namespace, does not register others: an error says
// which right is missing.
func TestRegistrarKeepsToItsScope(t *testing.T) {
	server := redistest.SharedStandalone(t)
	for _, scope := range scopes[:2] {
		t.Run(scope.name, func(t *testing.T) {
			s, r := newSite(t, redistest.Topology{Addrs: []string{server.Addr()}}, server), scope.of
			r.Roles = []acl.Role{acl.Registrar}
			process := s.open(s.user("user", s.rules(r)))
			desk := &registry.Service{Name: "desk", Nodes: shop("a").Nodes}
			for what, err := range map[string]error{
				"another namespace": process.Register(t.Context(), shop("a"), registry.RegisterNamespace("other")),
				"another service":   process.Register(t.Context(), desk, registry.RegisterNamespace(scope.ns)),
			} {
				if allowed := what == "another service" && scope.of.Service == ""; errors.Is(err, registry.ErrPermission) == allowed {
					t.Errorf("%s: %v", what, err)
				}
			}
		})
	}
}

// Each rule is needed: where it is missing, Redis refuses something of the job.
func TestEachRuleIsNeeded(t *testing.T) {
	// What a small job on one quiet server does not come to.
	rare := []string{"resetchannels", "+eval", "+ltrim", "+zscan"}
	server := redistest.Start(t, "--acllog-max-len", "10000")
	tp := redistest.Topology{Addrs: []string{server.Addr()}}
	for _, j := range jobs[1:4] {
		of := acl.Request{Namespace: "prod"}
		j.change(&of)
		of.Config, of.Hints = false, false
		whole := newSite(t, tp, server).rules(of)
		for i, rule := range whole {
			if slices.Contains(rare, rule) {
				continue
			}
			t.Run(j.name+" without "+rule, func(t *testing.T) {
				t.Parallel()
				s := newSite(t, tp, server)
				user := s.user("user", slices.Delete(s.rules(of), i, i+1))
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				denied := make(chan error, 1)
				go func() {
					defer cancel()
					denied <- await(ctx, func() error {
						if len(s.refused(user)) == 0 {
							return errors.New("nothing was refused")
						}
						return nil
					})
				}()
				err := j.do(ctx, s, user, "prod", of)
				cancel()
				missed := <-denied // a script that asks for a right before it writes leaves nothing in ACL LOG
				if missed != nil && len(s.refused(user)) == 0 && !errors.Is(err, registry.ErrPermission) {
					t.Errorf("nothing is missed: %v", err)
				}
			})
		}
	}
}

// A user has to be asked at once by both masters between which a slot moves.
func TestRolesWhileASlotMoves(t *testing.T) {
	c := redistest.SharedCluster(t)
	s := newSite(t, redistest.Topology{Addrs: c.Addrs(), Cluster: true}, c.Servers()...)
	user := s.user("user", s.rules(acl.Request{Roles: []acl.Role{acl.Registrar, acl.Resolver}}))
	r := s.open(user, registry.TTL(10*time.Second), registry.Interval(200*time.Millisecond))
	if err := r.Register(t.Context(), shop("a")); err != nil {
		t.Fatal(err)
	}
	k := s.space.Service("", "shop")
	m := c.Migrate(k.Index())
	m.Move(k.Node("a"), k.Index(), k.Version(), k.Log())
	if found, err := r.GetService(t.Context(), "shop"); err != nil || len(found) != 1 {
		t.Errorf("found %v, %v", found, err)
	}
	for _, what := range s.refused(user) {
		if !strings.HasPrefix(what, "command config") {
			t.Errorf("Redis refused %s", what)
		}
	}
}

// The page has the rules that are printed.
func TestThePageHasTheseRules(t *testing.T) {
	const page = "../../docs/protocol.md"
	for user, of := range map[string]acl.Request{
		"registrar": {Roles: []acl.Role{acl.Registrar}},
		"resolver":  {Roles: []acl.Role{acl.Resolver}},
		"operator":  {Roles: []acl.Role{acl.Operator}},
	} {
		of.Namespace = "prod"
		rules, err := acl.Rules(of)
		if err != nil {
			t.Fatal(err)
		}
		if want, got := fmt.Sprint(append([]string{"on", ">secret"}, rules...)), fmt.Sprint(redistest.Rights(t, page, user)); got != want {
			t.Errorf("%s has of %s\n%s, want\n%s", page, user, got, want)
		}
		for what, change := range map[string]func(*acl.Request){
			"who watches all":         func(r *acl.Request) { r.WatchAll = true },
			"keyspace hints":          func(r *acl.Request) { r.WatchAll, r.Hints = true, true },
			"a warning":               func(r *acl.Request) { r.Config = true },
			"every user in a cluster": func(r *acl.Request) { r.Cluster = true },
		} {
			more := of
			change(&more)
			got, err := acl.Rules(more)
			if err != nil {
				t.Fatal(err)
			}
			for _, right := range redistest.MoreRights(t, page, what) {
				if !slices.Contains(got, right) {
					t.Errorf("%s has %s for %s, and the rules do not: %v", page, right, what, got)
				}
			}
		}
	}
}
