package discovery_test

import (
	"context"
	"errors"
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
			t.Errorf("%d of %d errors tell of the budget", spent, calls)
		}
	})
}

func TestDoEnds(t *testing.T) {
	type try func(n int) error
	always := func(err error) try { return func(int) error { return err } }
	for _, tc := range []struct {
		name  string
		nodes string
		opts  []discovery.Option
		call  try
		tries int
		want  error
		text  string
	}{
		{"a success", "a b c d", nil, always(nil), 1, nil, ""},
		{"a success in the end", "a b c d", nil, func(n int) error {
			return map[int]error{1: errBroken, 2: errBroken}[n]
		}, 3, nil, ""},
		{"failures", "a b c d", nil, func(n int) error {
			return fmt.Errorf("try %d: %w", n, errBroken)
		}, 3, errBroken, "rollcall: call shop/?: try 3: broken; before that ?: try 1: broken; ?: try 2: broken"},
		{"more of them", "a b c d", []discovery.Option{discovery.Retries(3)}, always(errBroken), 4, errBroken, ""},
		{
			"none wanted", "a b c d",
			[]discovery.Option{discovery.Retries(0)},
			always(errBroken), 1, errBroken, "rollcall: call shop/?: broken",
		},
		{
			"no budget", "a b c d",
			[]discovery.Option{discovery.RetryBudget(0, 0)},
			always(errBroken), 1, errBroken, "rollcall: call shop/?: broken; not tried again: the retry budget is spent",
		},
		{
			"no other node", "a b", nil, always(errBroken), 2, errBroken,
			"rollcall: call shop/?: broken; before that ?: broken; no other node to try",
		},
		{"one node", "a", nil, always(errBroken), 1, errBroken, "rollcall: call shop/?: broken; no other node to try"},
		{"given up", "a b c d", nil, always(context.Canceled), 1, context.Canceled, "rollcall: call shop/?: context canceled"},
		{"no node", "", nil, always(nil), 0, discovery.ErrNoNodes, "rollcall: pick shop: no nodes: the service has none"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			src := newFakeSource()
			src.set("shop", shop(1, strings.Fields(tc.nodes)...))
			r := resolver(t, src, tc.opts...)
			var tried []string
			err := r.Do(t.Context(), "shop", func(_ context.Context, n *registry.Node) error {
				if strings.Contains(strings.Join(tried, " "), n.ID) {
					t.Errorf("%s is tried again", n.ID)
				}
				tried = append(tried, n.ID)
				return tc.call(len(tried))
			})
			same(t, "tries", len(tried), tc.tries)
			if !errors.Is(err, tc.want) {
				t.Errorf("%v, want %v", err, tc.want)
			}
			var op *registry.OpError
			if errors.As(err, &op) && tc.tries > 0 {
				same(t, "the node of the error", op.Node, tried[len(tried)-1])
			}
			if tc.text == "" {
				return
			}
			text := "rollcall: " + strings.TrimPrefix(err.Error(), "rollcall: ")
			for _, id := range tried {
				text = strings.ReplaceAll(strings.ReplaceAll(text, "/"+id+":", "/?:"), " "+id+":", " ?:")
			}
			same(t, "the error", text, tc.text)
		})
	}
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

func TestDoEndsWithItsContext(t *testing.T) {
	errCause := errors.New("the user has left")
	for name, end := range map[string]func(context.CancelCauseFunc){
		"at once":      func(cancel context.CancelCauseFunc) { cancel(errCause) },
		"in the pause": func(cancel context.CancelCauseFunc) { time.AfterFunc(time.Millisecond, func() { cancel(errCause) }) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				src := newFakeSource()
				src.set("shop", ten())
				r := resolver(t, src)
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				tries := 0
				err := r.Do(ctx, "shop", func(context.Context, *registry.Node) error {
					tries++
					end(cancel)
					return errBroken
				})
				wantErr(t, "Do", err, errBroken, context.Canceled)
				same(t, "tries", tries, 1)
			})
		})
	}
	t.Run("and does not blame the node", func(t *testing.T) {
		src := newFakeSource()
		src.set("shop", shop(1, "a", "b"))
		r := resolver(t, src, discovery.Ejection(1, time.Second, time.Second))
		ctx, cancel := context.WithCancelCause(t.Context())
		_ = r.Do(ctx, "shop", func(ctx context.Context, _ *registry.Node) error {
			cancel(errCause)
			return context.Cause(ctx)
		})
		same(t, "ready", ready(t, r), "a b")
	})
}

// A call that panics is over all the same: the probe that it was is offered again,
// and nothing counts it as under way.
func TestDoPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource()
		src.set("shop", shop(1, "a", "b"))
		r := resolver(t, src, discovery.Ejection(1, time.Second, time.Minute))
		call(t, r, "a", 1, errBroken)
		time.Sleep(time.Second)
		synctest.Wait()
		for range 3 {
			func() {
				defer func() { same[any](t, "the panic", recover(), "a mistake") }()
				_ = r.Do(t.Context(), "shop", func(_ context.Context, n *registry.Node) error {
					same(t, "the probe", n.ID, "a")
					panic("a mistake")
				})
			}()
		}
		same(t, "the probe", picks(t, r, 1)["a"], 1)
	})
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
