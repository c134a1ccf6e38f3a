package discovery_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/registry"
)

func TestSelections(t *testing.T) {
	v := shop(1, "1/a", "1/b", "2/c", "2/d")
	one, two := v.Services[0], v.Services[1]
	one.Metadata = map[string]string{"team": "red", "tier": "gold"}
	two.Metadata = map[string]string{"team": "blue"}
	one.Nodes[0].Metadata = map[string]string{"tier": "tin"}
	two.Nodes[0].Metadata = map[string]string{"tier": "gold", "empty": ""}
	two.Nodes[1].Status = registry.Draining
	src := newFakeSource()
	src.set("shop", v)
	r := resolver(t, src)

	notB := discovery.Filter(func(n *registry.Node) bool { return n.ID != "b" })
	for _, tc := range []struct {
		name         string
		opts         []discovery.PickOption
		nodes, ready string
	}{
		{"all", nil, "a b c d", "a b c"},
		{"version", pick(discovery.Version("1")), "a b", "a b"},
		{"unknown version", pick(discovery.Version("")), "", ""},
		{"draining ones beside others", pick(discovery.Version("2")), "c d", "c"},
		{"its own label", pick(discovery.Label("tier", "tin")), "a", "a"},
		{"its own label before its service's", pick(discovery.Label("tier", "gold")), "b c", "b c"},
		{"its service's label", pick(discovery.Label("team", "blue")), "c d", "c"},
		{"an empty label", pick(discovery.Label("empty", "")), "a b c d", "a b c"},
		{"labels", pick(discovery.Label("team", "blue"), discovery.Label("tier", "gold")), "c", "c"},
		{"labels in another order", pick(discovery.Label("tier", "gold"), discovery.Label("team", "blue")), "c", "c"},
		{"a filter", pick(notB), "a c d", "a c"},
		{"a filter and a version", pick(notB, discovery.Version("1")), "a", "a"},
		{"drained alone", pick(discovery.Filter(func(n *registry.Node) bool { return n.ID == "d" })), "d", "d"},
		{"what only says how to pick", pick(discovery.HashKey("x"), discovery.Random()), "a b c d", "a b c"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v := resolve(t, r, tc.opts...)
			same(t, "nodes", ids(v.Nodes()), tc.nodes)
			same(t, "ready", ids(v.Ready()), tc.ready)
			if tc.ready == "" {
				_, err := r.Pick(t.Context(), "shop", tc.opts...)
				wantErr(t, "pick", err, discovery.ErrNoNodes)
				return
			}
			picked := picks(t, r, 100, tc.opts...)
			for id := range picked {
				if !strings.Contains(tc.ready, id) {
					t.Errorf("%s was picked", id)
				}
			}
			if again := resolve(t, r, tc.opts...); again != v {
				t.Error("the view was worked out twice")
			}
		})
	}
	if s := resolve(t, r).ServiceOf(two.Nodes[0]); s != two {
		t.Errorf("c is of %+v", s)
	}
	if s := resolve(t, r).ServiceOf(&registry.Node{ID: "c"}); s != nil {
		t.Errorf("a foreign node is of %+v", s)
	}

	var nine []discovery.PickOption
	for i := range 9 {
		nine = append(nine, discovery.Label(fmt.Sprint(i), ""))
	}
	for name, opts := range map[string][]discovery.PickOption{
		"nine labels": nine, "two filters": pick(notB, notB), "a filter of nothing": pick(discovery.Filter(nil)),
	} {
		_, err := r.Pick(t.Context(), "shop", opts...)
		wantErr(t, name, err, registry.ErrInvalid)
	}
}

func pick(opts ...discovery.PickOption) []discovery.PickOption { return opts }

// A zone is enough as long as half of its nodes can be called.
func TestZone(t *testing.T) {
	const near, far, draining = "near", "far", "draining near"
	for _, tc := range []struct {
		name  string
		zones []string // of a, b, c, ...
		want  string
	}{
		{"near ones", []string{near, far, near, far}, "a c"},
		{"one of one", []string{near, far, far}, "a"},
		{"none", []string{far, far, ""}, "a b c"},
		{"half are left", []string{near, draining, far}, "a"},
		{"too few are left", []string{near, draining, draining, far}, "a d"},
		{"all drain there", []string{draining, far, far}, "b c"},
		{"all drain everywhere", []string{draining, draining}, "a b"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var names []string
			for i := range tc.zones {
				names = append(names, string(rune('a'+i)))
			}
			v := shop(1, names...)
			for i, n := range v.Services[0].Nodes {
				n.Zone = strings.TrimPrefix(tc.zones[i], "draining ")
				if tc.zones[i] == draining {
					n.Status = registry.Draining
				}
			}
			src := newFakeSource()
			src.set("shop", v)
			r := resolver(t, src)
			same(t, "ready", ids(resolve(t, r, discovery.Zone(near)).Ready()), tc.want)
			same(t, "without a zone", resolve(t, r, discovery.Zone("")), resolve(t, r))
		})
	}
}

// Filters are asked once for each node and view, and again when the view changes.
// Those made for each call cost more, and nothing grows.
func TestFiltersAreRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource()
		src.set("shop", shop(1, "a", "b"))
		r := resolver(t, src)
		var asked atomic.Int64
		counting := func(*registry.Node) bool { asked.Add(1); return true }
		keep := discovery.Filter(counting)
		picks(t, r, 100, keep)
		same(t, "asked", asked.Load(), 2)
		src.set("shop", shop(2, "a", "b", "c"))
		synctest.Wait()
		picks(t, r, 100, keep)
		same(t, "asked after a change", asked.Load(), 5)
		for range 1000 {
			picks(t, r, 1, discovery.Filter(counting))
		}
		same(t, "asked by others", asked.Load(), 3005)
		picks(t, r, 100, keep)
		same(t, "asked in the end", asked.Load(), 3005)
	})
}
