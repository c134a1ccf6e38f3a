package discovery_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cenkalti/backoff/v4"
	"pgregory.net/rapid"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/registry"
)

func TestWhatDoesNotEject(t *testing.T) {
	for name, err := range map[string]error{
		"cancelled":         context.Canceled,
		"cancelled, deeper": fmt.Errorf("call: %w", context.Canceled),
		"permanent":         discovery.Permanent(errBroken),
		"permanent, deeper": fmt.Errorf("call: %w", discovery.Permanent(errBroken)),
		"an answer":         backoff.Permanent(errBroken),
		"an answer, deeper": fmt.Errorf("call: %w", backoff.Permanent(errBroken)),
		"success":           nil,
	} {
		t.Run(name, func(t *testing.T) {
			src := newFakeSource()
			src.set("shop", shop(1, "a", "b", "c"))
			r := resolver(t, src)
			call(t, r, "a", 100, err)
			same(t, "ready", ready(t, r), "a b c")
		})
	}
	t.Run("switched off", func(t *testing.T) {
		src := newFakeSource()
		src.set("shop", shop(1, "a", "b", "c"))
		r := resolver(t, src, discovery.Ejection(0, 0, 0))
		call(t, r, "a", 100, errBroken)
		same(t, "ready", ready(t, r), "a b c")
	})
	t.Run("a deadline does", func(t *testing.T) {
		src := newFakeSource()
		src.set("shop", shop(1, "a", "b", "c"))
		r := resolver(t, src)
		call(t, r, "a", 100, context.DeadlineExceeded)
		same(t, "ready", ready(t, r), "b c")
	})
}

// Whatever fails, comes, goes and drains: at least half of those that do not drain
// are there to be picked, and all of them once calls succeed for long enough.
func TestEjectionModel(t *testing.T) {
	all := strings.Fields("a b c d e f g h")
	node := rapid.SampledFrom(all)
	synctest.Test(t, func(t *testing.T) {
		// No deadline in fake time, which *testing.T would be asked for.
		rapid.Check(struct{ testing.TB }{t}, func(rt *rapid.T) {
			src := newFakeSource()
			src.set("shop", shop(1, all...))
			r := discovery.New(src, discovery.Ejection(2, time.Second, time.Minute))
			defer r.Close()
			rt.Repeat(map[string]func(*rapid.T){
				"fail": func(rt *rapid.T) {
					if id := node.Draw(rt, "node"); strings.Contains(ids(resolve(t, r).Nodes()), id) {
						call(t, r, id, rapid.IntRange(1, 5).Draw(rt, "times"), errBroken)
					}
				},
				"pick":  func(rt *rapid.T) { picks(t, r, rapid.IntRange(1, 5).Draw(rt, "times")) },
				"sleep": func(rt *rapid.T) { time.Sleep(time.Duration(rapid.IntRange(0, 5e9).Draw(rt, "ns"))) },
				"view": func(rt *rapid.T) {
					nodes := rapid.SliceOfNDistinct(node, 1, len(all), rapid.ID).Draw(rt, "nodes")
					slices.Sort(nodes)
					drain := rapid.SliceOf(node).Draw(rt, "draining")
					src.set("shop", draining(shop(2, nodes...), strings.Join(drain, " ")))
				},
				"": func(rt *rapid.T) {
					synctest.Wait()
					v := resolve(t, r)
					up := slices.DeleteFunc(slices.Clone(v.Nodes()), func(n *registry.Node) bool {
						return n.Status == registry.Draining
					})
					if len(v.Ready()) == 0 || 2*len(v.Ready()) < len(up) {
						rt.Fatalf("%q of %q are ready", ids(v.Ready()), ids(v.Nodes()))
					}
				},
			})
			src.set("shop", shop(3, all...))
			for range 10 {
				time.Sleep(time.Minute)
				synctest.Wait()
				picks(t, r, len(all))
			}
			if got := ready(t, r); got != strings.Join(all, " ") {
				rt.Fatalf("in the end %q are ready", got)
			}
		})
	})
}
