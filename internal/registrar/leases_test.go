package registrar

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/lua"
	"github.com/rollcall-go/rollcall/internal/plan"
	"github.com/rollcall-go/rollcall/internal/record"
	"github.com/rollcall-go/rollcall/internal/replica"
)

// plan is a registration of one node of shop.
func (l limited) plan(id string) *plan.Plan {
	return &plan.Plan{
		Service: l.c.Space.Service("default", "shop"), TTL: 15 * time.Second, Interval: 5 * time.Second,
		Nodes: []plan.Node{{ID: id, Data: []byte(`{"address":"10.0.0.1:80","ttl":15000}`)}},
	}
}

// holder returns the lease that holds a node of shop in Redis.
func (l limited) holder(t *testing.T, id string) record.Holder {
	t.Helper()
	h, err := record.ParseHolder(l.server.Client().HGet(t.Context(), l.plan(id).Service.Node(id), "lease").Val())
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// estimate has the registrar believe that Redis's clock is off by so much.
func (l limited) estimate(off time.Duration) *service {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.services[l.plan("").Service]
	now := time.Now()
	s.clock = replica.ServerClock{}
	s.clock.Answered(replica.Answer{Sent: now, Received: now, Now: now.Add(off), Master: l.c.Master(context.Background(), s.keys)}, time.Hour)
	return s
}

var settled = func() bool { return true }

// A guess that is an hour ahead of Redis's clock, or behind it, registers the node, and
// keeps no other process from taking it over.
func TestAGuessThatIsOff(t *testing.T) {
	t.Parallel()
	for name, off := range map[string]time.Duration{"ahead": time.Hour, "behind": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, began := newLimited(t), time.Now()
			first.estimate(off)
			if err := first.Register(t.Context(), first.plan("b"), settled); err != nil {
				t.Fatal(err)
			}
			lease := first.holder(t, "b")
			if got := time.UnixMicro(lease.Start).Sub(began.Add(off)); got < 0 || got > time.Minute {
				t.Errorf("the lease starts at %v, want %v later", time.UnixMicro(lease.Start), off)
			}
			for _, guessing := range []bool{false, true} {
				next := limited{Registrar: New(first.c, Options{}, noSink{}), server: first.server}
				t.Cleanup(func() {
					next.Stop()
					if err := next.Wait(context.Background()); err != nil {
						t.Error(err)
					}
				})
				if guessing {
					if err := next.Register(t.Context(), next.plan("c"), settled); err != nil {
						t.Fatal(err)
					}
				}
				if err := next.Register(t.Context(), next.plan("b"), settled); err != nil {
					t.Fatal(err)
				}
				newer := next.holder(t, "b")
				if newer.Lease == lease.Lease || newer.Start <= lease.Start {
					t.Errorf("guessing %v: %+v follows %+v", guessing, newer, lease)
				}
				lease = newer
			}
		})
	}
}

// A lease that Redis has taken is never chosen anew, nor is one whose holder registered
// after the Register began: the newer process has the node.
func TestNoLeaseIsChosenAnew(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]func(*testing.T, limited, *node){
		"that was confirmed": func(t *testing.T, l limited, n *node) { n.Confirmed = true },
		"where the holder registered later": func(t *testing.T, l limited, n *node) {
			n.guessedAt = n.guessedAt.Add(-time.Minute)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLimited(t)
			nodes, done, err := l.adopt(l.plan("b"))
			if err != nil {
				t.Fatal(err)
			}
			defer done()
			n := nodes[0]
			if failed := l.chooseLeases(t.Context(), nodes); failed[n.service] != nil || n.guessedAt.IsZero() {
				t.Fatalf("%v; guessed at %v", failed, n.guessedAt)
			}
			newer := record.Lease{Start: time.Now().UnixMicro() + 1, Nonce: "00000000000a"}.String()
			if err := l.server.Client().HSet(t.Context(), n.service.keys.Node("b"), "lease", newer+" 1 15000 1", "data", "{}").Err(); err != nil {
				t.Fatal(err)
			}
			l.mu.Lock()
			before(t, l, n)
			l.mu.Unlock()
			if err := l.registerNodes(t.Context(), nodes)[n.service]; !errors.Is(err, errdefs.ErrSuperseded) {
				t.Errorf("%v, want ErrSuperseded", err)
			}
			if got := l.holder(t, "b"); got.Lease != newer {
				t.Errorf("%+v has the node, want %s", got, newer)
			}
		})
	}
}

// Where the outcome of a register is unknown, it is undone until Redis's clock, as its answers
// correct it, shows that the call can come no more.
func TestAnUndoOutlastsTheCall(t *testing.T) {
	s := newService(keys.Space{}.Service("default", "shop"))
	now := time.Now()
	s.clock.Answered(replica.Answer{Sent: now, Received: now, Now: now.Add(-time.Hour), Master: "m"}, time.Minute)
	until := now.Add(time.Second) // by the estimate that was an hour ahead
	ours, other := lua.Lease{ID: "a", Token: "1-a", TTL: time.Second}, lua.Lease{ID: "b", Token: "1-b"}
	pending := []pendingDeregister{{lease: ours, act: lua.Act{By: lua.Undo}, callsUntil: until}, {lease: other, act: lua.Act{By: lua.Self}}}
	left := s.leftToDo(pending, &withdrawal{leases: []lua.Lease{ours}, at: until})
	if want := now.Add(time.Hour + time.Second + time.Millisecond); len(left) != 2 || !left[0].from.Equal(want) || !left[0].until.Equal(want.Add(time.Second)) {
		t.Errorf("%+v is left, want both, the first due again in an hour", left)
	}
	if left = s.leftToDo(left, &withdrawal{leases: []lua.Lease{ours}, at: until.Add(time.Microsecond)}); len(left) != 1 || left[0].lease != other {
		t.Errorf("%+v is left, want the other one", left)
	}
	if left = s.leftToDo(left, &withdrawal{leases: []lua.Lease{other}, at: now}); len(left) != 0 {
		t.Errorf("%+v is left", left)
	}
}

// Two Registers of a node are under way. One has chosen a newer lease, and holds the node by
// it, when Redis refuses the lease that the other one still names: that is no other process.
func TestALeaseThatAnotherRegisterHasChosenAnew(t *testing.T) {
	t.Parallel()
	l, ctx := newLimited(t), t.Context()
	nodes, done, err := l.adopt(l.plan("b"))
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	n := nodes[0]
	if failed := l.chooseLeases(ctx, nodes); failed[n.service] != nil {
		t.Fatal(failed)
	}
	late := l.registerCalls(ctx, nodes)[0]
	l.mu.Lock()
	n.choose(time.Now().UnixMicro(), time.Time{})
	l.mu.Unlock()
	if failed := l.sendRegister(ctx, nodes); failed[n.service] != nil || !n.Confirmed {
		t.Fatalf("%v; confirmed: %v", failed, n.Confirmed)
	}
	result := lua.Register(ctx, l.c, late.call)[0]
	if len(result.Codes) != 1 || result.Codes[0] != lua.Superseded {
		t.Fatalf("%+v, want Superseded", result)
	}
	if err := l.registerResult(ctx, late, result, time.Now(), time.Now()); !errors.Is(err, errChosenAnew) || n.Over() {
		t.Errorf("%v, and the node is %v; want it to be sent again", err, n.State)
	}
}
