package discovery_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// The registrar of all nodes of a service loses its network, and they serve on: they
// stay for as long as calls say so, and go when calls fail. Without a Guard they go.
func TestGuardByCallsOnRedis(t *testing.T) {
	const ttl = time.Second
	redistest.Each(t, func(t *testing.T, tp redistest.Topology) {
		living := open(t, tp, registry.TTL(ttl), registry.Interval(ttl/4))
		client, network := linked(t, tp)
		cut := open(t, tp, registry.Client(client), registry.TTL(ttl), registry.Interval(ttl/4))
		register(t, cut, static("shop", "", "a", "b"))
		r, bold := resolver(t, living, discovery.Ejection(3, time.Second, time.Minute)), resolver(t, living, discovery.Guard(0))
		until(t, r, func(v *discovery.View) bool { return len(v.Nodes()) == 2 })
		until(t, bold, func(v *discovery.View) bool { return len(v.Nodes()) == 2 })

		network.set(true)
		for end := time.Now().Add(3 * ttl); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			call(t, r, "a", 1, nil)
			if v := resolve(t, r); len(v.Nodes()) == 0 || v.Nodes()[0].ID != "a" {
				t.Fatalf("a answers, and the view has %q, guarded %v", ids(v.Nodes()), v.Guarded())
			}
		}
		same(t, "guarded", strings.Join(resolve(t, r).Guarded(), " "), "a")
		same(t, "with no guard", ids(resolve(t, bold).Nodes()), "")
		time.Sleep(2 * ttl)
		same(t, "the last one, without calls", ids(resolve(t, r).Nodes()), "a")
		call(t, r, "a", 3, errBroken)
		until(t, r, func(v *discovery.View) bool { return len(v.Nodes()) == 0 })
		_, err := r.Pick(t.Context(), "shop")
		wantErr(t, "all fail", err, discovery.ErrNoNodes)

		network.set(false)
		until(t, r, func(v *discovery.View) bool { return len(v.Nodes()) == 2 && len(v.Guarded()) == 0 })
	})
}

// Two nodes crash. The results of calls decide. Without calls they stay, shown as
// guarded; calls fail, and both go, whether Ejection is on or off.
func TestGuardOfTheLastTwo(t *testing.T) {
	for name, opt := range map[string]discovery.Option{
		"ejection":    discovery.Ejection(3, time.Second, time.Minute),
		"no ejection": discovery.Ejection(0, 0, 0),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				src := newFakeSource()
				src.set("shop", shop(1, "a", "b"))
				r := resolver(t, src, opt)
				resolve(t, r)
				v := shop(2)
				for _, s := range shop(1, "a", "b").Services[0].Nodes {
					v.Lapsed = append(v.Lapsed, registry.Lapse{
						Service: &registry.Service{Name: "shop", TTL: 15 * time.Second, Nodes: []*registry.Node{s}}, Time: time.Now(),
					})
				}
				src.set("shop", v)
				synctest.Wait()
				time.Sleep(9 * time.Minute)
				same(t, "nodes without calls", ids(resolve(t, r).Nodes()), "a b")
				same(t, "guarded", len(resolve(t, r).Guarded()), 2)
				calls := 0
				for ; calls < 100; calls++ {
					p, err := r.Pick(t.Context(), "shop")
					if err != nil {
						wantErr(t, "all fail", err, discovery.ErrNoNodes)
						break
					}
					p.Done(errBroken)
				}
				if calls > 50 {
					t.Errorf("%d calls to dead nodes", calls)
				}
				src.set("shop", shop(3, "b"))
				synctest.Wait()
				same(t, "back", ids(resolve(t, r).Nodes()), "b")
			})
		})
	}
}

// One of three nodes loses Redis and serves on. It stays while calls to it succeed, and
// for a TTL after the last one.
func TestGuardOfOneThatAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource()
		src.set("shop", shop(1, "a", "b", "c"))
		r := resolver(t, src, discovery.WithBalancer(discovery.RoundRobin()))
		picks(t, r, 30)
		v := shop(2, "b", "c")
		v.Lapsed = []registry.Lapse{{
			Service: &registry.Service{Name: "shop", TTL: 15 * time.Second, Nodes: shop(1, "a").Services[0].Nodes}, Time: time.Now(),
		}}
		src.set("shop", v)
		synctest.Wait()
		for range 300 {
			same(t, "nodes", ids(resolve(t, r).Nodes()), "a b c")
			picks(t, r, 3)
			time.Sleep(time.Second)
			synctest.Wait()
		}
		same(t, "guarded", len(resolve(t, r).Guarded()), 1)
		time.Sleep(15 * time.Second)
		synctest.Wait()
		same(t, "no calls", ids(resolve(t, r).Nodes()), "b c")
	})
}
