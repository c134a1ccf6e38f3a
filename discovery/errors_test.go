package discovery_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// `no nodes` distinguishes an empty service from options that leave no node, and says of how many.
func TestNoNodesSaysWhy(t *testing.T) {
	src := newFakeSource()
	src.set("empty", &registry.View{History: "h", Revision: 3})
	src.set("shop", weights(draining(shop(1, "1/a", "1/b", "1/c", "2/d", "2/e"), "a"), 1, 1, 1, registry.NoTraffic, registry.NoTraffic))
	src.set("one", shop(1, "1/a"))
	r := resolver(t, src, discovery.Ejection(1, time.Minute, time.Minute))
	call(t, r, "b", 1, errBroken)
	const shops = "5 nodes, 1 draining, 1 ejected, 2 with the weight NoTraffic: "
	for _, tc := range []struct {
		service string
		opts    []discovery.PickOption
		want    string
	}{
		{"empty", nil, "empty: no nodes: the service has none"},
		{"empty", []discovery.PickOption{discovery.Version("1")}, "empty: no nodes: the service has none"},
		{"one", []discovery.PickOption{discovery.Version("2")}, `one: no nodes: 1 node: none is left by Version("2")`},
		{"shop", []discovery.PickOption{discovery.Version("3")}, "shop: no nodes: " + shops + `none is left by Version("3")`},
		{
			"shop",
			[]discovery.PickOption{
				discovery.Version("1"), discovery.Label("a\n", "b"), discovery.Label("c", ""),
				discovery.Zone("z"), discovery.Filter(func(*registry.Node) bool { return false }),
			},
			"shop: no nodes: " + shops + `none is left by Version("1"), Label("a\n", "b"), Label("c", ""), the Filter`,
		},
		{
			"shop",
			[]discovery.PickOption{discovery.Version("2")},
			"shop: no nodes: " + shops + `Version("2") leaves 2 nodes, all with the weight NoTraffic`,
		},
	} {
		_, err := r.Pick(t.Context(), tc.service, tc.opts...)
		wantErr(t, tc.want, err, discovery.ErrNoNodes)
		same(t, "Pick", fmt.Sprint(err), "rollcall: pick "+tc.want)
	}
	_, err := r.Broadcast(t.Context(), "shop", func(context.Context, *registry.Node) error { return nil }, discovery.Version("3"))
	same(t, "Broadcast", fmt.Sprint(err), "rollcall: broadcast shop: no nodes: "+shops+`none is left by Version("3")`)
}

// Errors name the namespace, also the default one, and say once what failed.
func TestErrorsNameTheNamespaceOnce(t *testing.T) {
	redistest.Each(t, func(t *testing.T, tp redistest.Topology) {
		for name, src := range map[string]discovery.Source{"redis": open(t, tp), "static": discovery.Static()} {
			r := resolver(t, src, discovery.Timeout(patience))
			nothing := func(context.Context, *registry.Node) error { return nil }
			eu := discovery.Namespace("eu")
			_, resolve := r.Resolve(t.Context(), "shop")
			_, elsewhere := r.Pick(t.Context(), "shop", eu)
			_, broadcast := r.Broadcast(t.Context(), "shop", nothing)
			_, dial := r.DialContext(t.Context(), "tcp", "shop:80")
			over, cancel := context.WithCancel(t.Context())
			cancel()
			for want, err := range map[string]error{
				"rollcall: resolve default/shop: not found":   resolve,
				"rollcall: pick eu/shop: not found":           elsewhere,
				"rollcall: broadcast default/shop: not found": broadcast,
				"rollcall: call default/shop: call: nil":      r.Do(t.Context(), "shop", nil),
				"rollcall: call eu/shop: context canceled":    r.Do(over, "shop", nothing, eu),
				"rollcall: pick default/shop: not found":      dial,
			} {
				if got := strings.Replace(fmt.Sprint(err), "invalid: ", "", 1); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
		}
	})
}

// Whatever goes wrong, the error is one line with one prefix, and names are quoted where
// they cannot be printed.
func TestErrorsAreOneLine(t *testing.T) {
	redis := redistest.Start(t)
	tp := redistest.Topology{Addrs: []string{redis.Addr()}}
	seen := resolver(t, open(t, tp, registry.Timeout(time.Second)), discovery.MaxStale(1), discovery.Timeout(patience))
	server := open(t, tp)
	register(t, server, static("shop", "", "a", "b"))
	picks(t, seen, 1)
	unseen := resolver(t, open(t, tp, registry.Timeout(time.Second)))
	watched := resolver(t, discovery.FromRegistry(struct{ registry.Registry }{open(t, tp, registry.Timeout(time.Second))}))
	failed := func(_ context.Context, n *registry.Node) error {
		return errors.Join(errors.New("\x1b[2J"), errors.New(n.ID))
	}
	failing := seen.Do(t.Context(), "shop", failed)
	redis.Kill()
	until(t, seen, func(v *discovery.View) bool { return !v.Live() })

	pick := func(r *discovery.Resolver, service string) error { _, err := r.Pick(t.Context(), service); return err }
	for what, err := range map[string]error{
		"calls failed":       failing,
		"stale":              pick(seen, "shop"),
		"nothing known":      pick(unseen, "shop"),
		"nothing watched":    pick(watched, "shop"),
		"an odd name":        pick(seen, "a\nb"),
		"an odd static name": pick(resolver(t, discovery.Static()), "a\n\x1bb"),
		"bad options":        pick(resolver(t, discovery.Static(), discovery.Ejection(-1, 0, 0), discovery.RetryBudget(-1, -1)), "shop"),
		"a bad service":      discovery.Static(static("a\nb", ""), static("a\nb", "")).Update(static("a\nb", ""), static("a\nb", "")),
	} {
		t.Logf("%s: %v", what, err)
		if err == nil || strings.ContainsFunc(err.Error(), func(c rune) bool { return !strconv.IsPrint(c) }) {
			t.Errorf("%s: %q is not one line", what, fmt.Sprint(err))
		}
		if strings.Count(fmt.Sprint(err), "rollcall: ") != 1 {
			t.Errorf("%s: %v has not one prefix", what, err)
		}
	}
	redis.Restart(false)
	for deadline := time.Now().Add(patience); server.Init() != nil; <-time.After(10 * time.Millisecond) {
		if time.Now().After(deadline) { // go-redis goes on refusing for a second
			t.Fatal("no contact after the restart")
		}
	}
}
