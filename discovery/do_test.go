package discovery_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/registry"
)

// ten is a view of ten nodes, n0 to n9.
func ten() *registry.View {
	return shop(1, strings.Fields("n0 n1 n2 n3 n4 n5 n6 n7 n8 n9")...)
}

// One of ten nodes is dead for five minutes: the callers see nothing of it, and once
// it is ejected it gets a call now and then.
func TestDoHidesADeadNode(t *testing.T) {
	for _, balancer := range []discovery.Balancer{discovery.Random(), discovery.RoundRobin(), discovery.P2C()} {
		t.Run(balancer.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				src := newFakeSource()
				src.set("shop", ten())
				r := resolver(t, src, discovery.WithBalancer(balancer))
				dead := true
				calls := func(d time.Duration) (all, toDead int) {
					for began := time.Now(); time.Since(began) < d; all++ {
						first := true
						err := r.Do(t.Context(), "shop", func(_ context.Context, n *registry.Node) error {
							if n.ID == "n0" && first {
								toDead++
							}
							first = false
							if n.ID == "n0" && dead {
								return errBroken
							}
							time.Sleep(time.Millisecond)
							return nil
						})
						if err != nil {
							t.Fatal(err)
						}
						time.Sleep(9 * time.Millisecond)
					}
					return all, toDead
				}
				calls(30 * time.Second) // until it is ejected; P2C has hardly a call for it even so
				all, toDead := calls(5 * time.Minute)
				if toDead > all/100 {
					t.Errorf("%d of %d first tries went to the dead node", toDead, all)
				}
				dead = false
				calls(discovery.DefaultMaxEjection)
				if all, toLive := calls(time.Minute); toLive < all/20 {
					t.Errorf("%d of %d first tries went to the node that is back", toLive, all)
				}
			})
		})
	}
}

// All nodes fail: there are no more retries than the budget allows.
func TestRetriesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource()
		src.set("shop", ten())
		r := resolver(t, src)
		began := time.Now()
		const calls = 20000
		tries, spent := 0, 0
		for range calls {
			err := r.Do(t.Context(), "shop", func(context.Context, *registry.Node) error {
				tries++
				return errBroken
			})
			wantErr(t, "a call", err, errBroken)
			if strings.Contains(err.Error(), "the retry budget is spent") {
				spent++
			}
			time.Sleep(time.Millisecond)
		}
		seconds := (time.Since(began) + 10*time.Second).Seconds()
		most := calls*(1+discovery.DefaultRetryShare) + seconds*discovery.DefaultRetriesPerSecond
		if float64(tries) > most || float64(tries) < calls*(1+discovery.DefaultRetryShare) {
			t.Errorf("%d tries for %d calls in %v s, want %v at most", tries, calls, seconds, most)
		}
		if spent < calls/2 {
			t.Errorf("%d of %d errors name the budget", spent, calls)
		}
	})
}

// What the node says for good comes back as it was said.
func TestDoReturnsAnswersBare(t *testing.T) {
	src := newFakeSource()
	src.set("shop", ten())
	r := resolver(t, src)
	for name, permanent := range map[string]func(error) error{
		"ours":       discovery.Permanent,
		"backoff v4": func(err error) error { return backoff.Permanent(err) },
		"wrapped":    func(err error) error { return fmt.Errorf("call: %w", discovery.Permanent(err)) },
	} {
		tries := 0
		err := r.Do(t.Context(), "shop", func(context.Context, *registry.Node) error {
			tries++
			return permanent(errBroken)
		})
		same(t, name+": the error", err, errBroken)
		same(t, name+": tries", tries, 1)
	}
	same(t, "of no error", discovery.Permanent(nil), nil)
	wantErr(t, "without a call", r.Do(t.Context(), "shop", nil), registry.ErrInvalid)
}

// With a key, the node that is tried next is the same one each time.
func TestDoWithAKey(t *testing.T) {
	src := newFakeSource()
	src.set("shop", ten())
	orders := map[string]int{}
	for range 3 {
		r := resolver(t, src, discovery.WithBalancer(discovery.Maglev()), discovery.Ejection(0, 0, 0))
		for range 10 {
			order := ""
			_ = r.Do(t.Context(), "shop", func(_ context.Context, n *registry.Node) error {
				order += n.ID
				return errBroken
			}, discovery.HashKey("x"))
			orders[order]++
		}
	}
	if len(orders) != 1 {
		t.Errorf("orders: %v", orders)
	}
}

// The only node near fails: then a far one is better than none.
func TestDoLeavesTheZone(t *testing.T) {
	v := shop(1, "a", "b", "c")
	v.Services[0].Nodes[0].Zone = "near"
	v.Services[0].Nodes[2].Status = registry.Draining
	src := newFakeSource()
	src.set("shop", v)
	for name, r := range map[string]*discovery.Resolver{
		"zone":   resolver(t, src),
		"subset": resolver(t, src, discovery.Subset(1), discovery.Identity("x")),
	} {
		t.Run(name, func(t *testing.T) {
			opts := []discovery.PickOption{discovery.Zone("near")}
			if name == "subset" {
				opts = nil
			}
			first := ids(resolve(t, r, opts...).Ready())
			other := map[string]string{"a": "b", "b": "a"}[first]
			var tried []string
			err := r.Do(t.Context(), "shop", func(_ context.Context, n *registry.Node) error {
				tried = append(tried, n.ID)
				if len(tried) == 1 {
					return errBroken
				}
				return nil
			}, opts...)
			wantErr(t, "Do", err)
			same(t, "tried", strings.Join(tried, " "), first+" "+other)
		})
	}
}
