package doctor

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/acl"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

func TestNobodyRenews(t *testing.T) {
	s := start(t)
	ttl := 4 * time.Second
	register(t, open(t, s.Addr()), "shop", registry.RegisterTTL(ttl))
	register(t, open(t, s.Addr()), "desk", registry.RegisterTTL(ttl), registry.RegisterManual())
	r := open(t, s.Addr())
	eventually(t, func() error { // also where the examination is slow
		for _, f := range examine(t, r, Options{}) {
			if f.Check == "renewals" && f.Level == Warn && strings.Contains(f.What, "missed two renewals: 1 service: default/desk (1 of 1 nodes)") {
				return nil
			}
		}
		return fmt.Errorf("not found")
	})
}

func TestNobodyRemovesNodes(t *testing.T) {
	s := start(t)
	register(t, open(t, s.Addr()), "shop", registry.RegisterManual())
	index := "rollcall:{default/shop}:index"
	must(t, s.Client().ZAdd(t.Context(), index, redis.Z{Score: 1, Member: "gone"}))
	wellOr(t, s, examine(t, open(t, s.Addr()), Options{}), "renewals", Warn, "default/shop (1 of 2 nodes")
	must(t, s.Client().ZRem(t.Context(), index, "a")) // no node of the service lives
	for _, all := range []bool{false, true} {
		wellOr(t, s, examine(t, open(t, s.Addr()), Options{AllNamespaces: all}), "renewals", Warn, "default/shop (1 of 1 nodes")
	}
}

// All nodes are looked at, not the first of them alone; what there is no time for is said.
func TestManyNodesAndServices(t *testing.T) {
	s := start(t)
	r := open(t, s.Addr())
	many := &registry.Service{Name: "shop", TTL: time.Hour}
	for i := range 2500 {
		many.Nodes = append(many.Nodes, &registry.Node{ID: fmt.Sprint(i), Address: "10.0.0.1:80"})
	}
	if err := r.Register(t.Context(), many, registry.RegisterManual()); err != nil {
		t.Fatal(err)
	}
	wellOr(t, s, examine(t, open(t, s.Addr()), Options{}), "", "", "")
	has(t, examine(t, open(t, s.Addr()), Options{}), "renewals", OK, "2500 nodes of 1 service")
	// The one whose lease ends last has missed renewals: its TTL is 10 h, and 2 h are left.
	register(t, r, "shop", registry.RegisterTTL(10*time.Hour), registry.RegisterManual())
	must(t, s.Client().ZAdd(t.Context(), "rollcall:{default/shop}:index", redis.Z{Score: float64(time.Now().Add(2 * time.Hour).UnixMilli()), Member: "a"}))
	wellOr(t, s, examine(t, open(t, s.Addr()), Options{}), "renewals", Warn, "default/shop (1 of 2501 nodes)")

	var names []redis.Z
	for i := range 1200 {
		names = append(names, redis.Z{Score: float64(time.Now().UnixMilli()), Member: fmt.Sprintf("s%d/", i)})
	}
	must(t, s.Client().ZAdd(t.Context(), "rollcall:{default}:services", names...), s.Client().Del(t.Context(), "rollcall:{default/shop}:index"))
	has(t, examine(t, open(t, s.Addr()), Options{}), "renewals", OK, "no nodes to renew; looked at 1201 services")
	has(t, examine(t, open(t, s.Addr()), Options{DataTime: 1}), "renewals", Unknown, "there was time for 0 of 1201 services")
}

func TestOverridesWithoutANode(t *testing.T) {
	s := start(t)
	r := open(t, s.Addr())
	register(t, r, "shop")
	o, weight := r.Operator("alice"), 3
	for _, v := range []registry.Override{
		{Weight: &weight, Stay: true}, {Weight: &weight, Stay: true, For: time.Hour}, {Weight: &weight},
	} {
		if err := o.Set(t.Context(), "shop", "a", v); err != nil {
			t.Fatal(err)
		}
		wellOr(t, s, examine(t, open(t, s.Addr()), Options{}), "", "", "")
		if err := r.Deregister(t.Context(), &registry.Service{Name: "shop"}); err != nil {
			t.Fatal(err)
		}
		findings := examine(t, open(t, s.Addr()), Options{})
		if v.Stay && v.For == 0 {
			wellOr(t, s, findings, "overrides", Warn, "1 override: default/shop a: weight 3")
		} else { // it ends by itself
			wellOr(t, s, findings, "", "", "")
		}
		register(t, r, "shop")
		if err := o.Undo(t.Context(), "shop", "a"); err != nil {
			t.Fatal(err)
		}
	}
	if err := o.SetAll(t.Context(), "shop", registry.Override{Weight: &weight}); err != nil {
		t.Fatal(err)
	}
	if err := r.Deregister(t.Context(), &registry.Service{Name: "shop"}); err != nil {
		t.Fatal(err)
	}
	wellOr(t, s, examine(t, open(t, s.Addr()), Options{}), "overrides", Warn, "default/shop (all nodes): weight 3")
}

func TestForeignKeys(t *testing.T) {
	for name, tc := range map[string]struct {
		plant []any
		level Level
		words string
	}{
		"of another program":    {[]any{"SET", "rollcall:cache:1", "x"}, Warn, "rollcall:cache:1"},
		"like ours":             {[]any{"SET", "rollcall:{default/shop}:lock", "x"}, Warn, "}:lock"},
		"a bad name":            {[]any{"HSET", "rollcall:{default/shop}:node:a b", "x", "y"}, Warn, "node:a b"},
		"of another type":       {[]any{"SET", "rollcall:{default/desk}:log", "x"}, Fail, "}:log is a string"},
		"a node for ever":       {[]any{"PERSIST", "rollcall:{default/shop}:node:a"}, Fail, "node:a"},
		"a catalogue of a type": {[]any{"SET", "rollcall:{other}:services", "x"}, Fail, "services is a string"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			register(t, open(t, s.Addr()), "shop", registry.RegisterManual(), registry.RegisterTTL(time.Minute))
			must(t, s.Client().Do(t.Context(), tc.plant...), s.Client().Set(t.Context(), "rollcallx", "not ours", 0))
			wellOr(t, s, examine(t, open(t, s.Addr()), Options{}), "foreign keys", tc.level, tc.words)
		})
	}
}

// Each rule that is missing is named, and nothing is changed by the trial.
func TestRightsAreMissing(t *testing.T) {
	s := start(t)
	for _, of := range []acl.Request{
		{Roles: []acl.Role{acl.Registrar}},
		{Roles: []acl.Role{acl.Resolver}, Service: "shop"},
		{Roles: []acl.Role{acl.Operator}, Service: "shop"},
	} {
		all := rules(t, s, of)
		o := Options{Roles: of.Roles, Service: of.Service}
		check := "rights: " + string(of.Roles[0])
		has(t, examine(t, open(t, s.Addr(), user(t, s, all)), o), check, OK, "may work")
		before := keysOf(t, s)
		for i, rule := range all {
			if slices.Contains([]string{"resetchannels", "+ping", "+pttl"}, rule) { // or the examination needs it itself
				continue
			}
			findings := examine(t, open(t, s.Addr(), user(t, s, slices.Delete(slices.Clone(all), i, i+1))), o)
			has(t, findings, check, Fail, rule)
		}
		if after := keysOf(t, s); !slices.Equal(before, after) {
			t.Errorf("keys before %v, and after %v", before, after)
		}
	}
}

func keysOf(t *testing.T, s *redistest.Server) []string {
	t.Helper()
	all, err := s.Client().Keys(t.Context(), "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

// Without --role a user who has one role lacks nothing that it needs.
func TestOneRoleIsEnough(t *testing.T) {
	s := start(t)
	findings := examine(t, open(t, s.Addr(), user(t, s, rules(t, s, acl.Request{Roles: []acl.Role{acl.Resolver}}))), Options{})
	wellOr(t, s, findings, "", "", "")
	has(t, findings, "rights: registrar", OK, "lacks")
	none := examine(t, open(t, s.Addr(), user(t, s, []string{"+ping", "+multi", "+exec"})), Options{})
	has(t, none, "rights: registrar", Warn, "lacks")
	has(t, none, "rights: resolver", Warn, "lacks")
}
