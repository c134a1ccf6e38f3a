package registrar

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/lua"
	"github.com/rollcall-go/rollcall/internal/replica"
)

// crowd adds services whose nodes are all due later, none of which may be looked at: the
// book has nil in their place.
func (t *logged) crowd(services int) {
	for i := range services {
		k := keys.Space{}.Service("default", fmt.Sprint("idle", i))
		t.s = newService(k)
		t.register("a", time.Hour)
		t.services[k] = nil
	}
}

// register adds a node to the service that is renewed after that time.
func (t *logged) register(id string, after time.Duration) *node {
	n := t.node(id)
	n.interval = 5 * time.Second
	t.services[t.s.keys] = t.s
	t.s.nodes[id] = n
	t.s.ttls.Move(0, n.ttl)
	t.join(n, time.Now().Add(after))
	return n
}

// What a round of the renewer and one of the reaper do for one service does not grow with the others.
func TestARoundLooksAtWhatIsDue(t *testing.T) {
	r := newLogged()
	r.crowd(100)
	r.s = newService(keys.Space{}.Service("default", "shop"))
	now := time.Now()
	n := r.register("a", 0)
	due, _ := r.renewer.due(t.Context(), now)
	if !slices.Equal(due, []*batch{n.batch}) {
		t.Fatalf("%d batches are due, want that of shop", len(due))
	}
	tasks := r.renewer.tasks(due, now)
	r.renewer.reschedule(tasks, now)
	if due, next := r.renewer.due(t.Context(), now); len(due) > 0 || next.After(now.Add(5*time.Second)) || next.Before(now.Add(4*time.Second)) {
		t.Errorf("%d batches are due after the round, the next one in %v", len(due), next.Sub(now))
	}

	r.answered(r.s, replica.Answer{Sent: now, Received: now, Now: now, Master: "m"})
	r.reapForNext(r.s, now)
	if s, next := r.reaper.nextReap(now); s != nil || next.After(now.Add(r.s.ttl()/3+reapLatest)) {
		t.Errorf("%v is to be looked at, the next one in %v", s, next.Sub(now))
	}
	if s, _ := r.reaper.nextReap(now.Add(r.s.ttl()/3 + reapLatest)); s != r.s {
		t.Errorf("%v is to be looked at, want shop", s)
	}
}

// What an answer of one service means does not need all of its nodes: the book
// has nil in the place of those that the answer is not about.
func TestAnAnswerLooksAtItsNodes(t *testing.T) {
	r := newLogged()
	for i := range 100 {
		r.register(fmt.Sprint(i), time.Hour)
		r.s.nodes[fmt.Sprint(i)] = nil
	}
	longest := r.register("a", 0)
	r.s.ttls.Move(longest.ttl, time.Minute)
	longest.ttl = time.Minute
	now := time.Now()
	r.answered(r.s, replica.Answer{Sent: now, Received: now, Now: now, Master: "m"})
	if got := r.s.ttl(); got != time.Minute {
		t.Errorf("the longest TTL is %v", got)
	}
	r.forget(longest)
	if got := r.s.ttl(); got != time.Second {
		t.Errorf("once it has gone, the longest TTL is %v", got)
	}
}

// Redis refuses renewals until it renews the last node that it refused, or that one ends:
// this is known without the others.
func TestTheLastRefusedNodeEndsTheRefusal(t *testing.T) {
	for name, end := range map[string]func(*logged, *node){
		"renewed":    func(r *logged, n *node) { _ = r.applyCode(n, lua.Done, "", time.Now()) },
		"superseded": func(r *logged, n *node) { _ = r.applyCode(n, lua.Superseded, "", time.Now()) },
		"left":       func(r *logged, n *node) { r.forget(n) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newLogged()
			r.crowd(100)
			r.s = newService(keys.Space{}.Service("default", "shop"))
			a, b := r.register("a", 0), r.register("b", 0)
			r.liveCalls([]*node{a, b}, errors.New("NOPERM"), time.Now())
			end(r, a)
			if len(r.refused) != 1 {
				t.Errorf("of two nodes, one of which is %s, %d are refused", name, len(r.refused))
			}
			end(r, b)
			if len(r.refused) != 0 {
				t.Errorf("of two nodes that are %s, %d are refused", name, len(r.refused))
			}
		})
	}
}

// A round is bounded, and what it leaves is due at once.
func TestARoundIsBounded(t *testing.T) {
	r := newLogged()
	for i := range maxRound + 1 {
		r.s = newService(keys.Space{}.Service("default", fmt.Sprint("shop", i)))
		r.register("a", 0)
	}
	now := time.Now()
	first, _ := r.renewer.due(t.Context(), now)
	second, _ := r.renewer.due(t.Context(), now)
	if len(first) != maxRound || len(second) != 1 {
		t.Errorf("two rounds renew %d and %d batches, want %d and 1", len(first), len(second), maxRound)
	}
}

// A batch or a service that is forgotten is not due any more, whatever is under way with
// it, and its interval counts no more.
func TestWhatIsForgottenIsNotDue(t *testing.T) {
	passes := func(context.Context) error { return nil }
	for name, during := range map[string]func(*logged, *node) (after func()){
		"nothing": func(*logged, *node) func() { return func() {} },
		"a round": func(r *logged, n *node) func() {
			now := time.Now()
			due, _ := r.renewer.due(t.Context(), now)
			tasks := r.renewer.tasks(due, now)
			return func() { r.renewer.reschedule(tasks, now) }
		},
		"a check": func(r *logged, n *node) func() {
			b := n.batch
			b.check = passes
			return func() { r.renewer.runCheck(t.Context(), b) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newLogged()
			n := r.register("a", 0)
			r.reapAt(r.s, time.Now())
			after := during(r, n)
			r.forget(n)
			after()
			if len(r.services) > 0 || len(r.intervals) > 0 || !r.batches.First().IsZero() || !r.reaping.First().IsZero() {
				t.Errorf("%d services and the intervals %v are left; a batch is due at %v, a service at %v",
					len(r.services), r.intervals, r.batches.First(), r.reaping.First())
			}
		})
	}
}

// The renewer and the reaper are woken for what is due before all else, and not for the
// many that come after it.
func TestOnlyTheFirstWakes(t *testing.T) {
	r := newLogged()
	for actor, wake := range map[string]struct {
		signal chan struct{}
		put    func(after time.Duration)
	}{
		"renewer": {r.renewals, func(after time.Duration) { r.register(fmt.Sprint(after), after) }},
		"reaper":  {r.reaps, func(after time.Duration) { r.reapAt(r.s, time.Now().Add(after)) }},
	} {
		for _, step := range []struct {
			after time.Duration
			wakes bool
		}{{time.Hour, true}, {2 * time.Hour, false}, {time.Minute, true}, {time.Minute + time.Second, false}} {
			r.s = newService(keys.Space{}.Service("default", fmt.Sprint("shop", step.after)))
			wake.put(step.after)
			woken := false
			select {
			case <-wake.signal:
				woken = true
			default:
			}
			if woken != step.wakes {
				t.Errorf("the %s is woken for what is due in %v: %v", actor, step.after, woken)
			}
		}
	}
}

// A renewal moves the next reap to the lease end that comes next then: while all nodes
// are renewed, the reaper sleeps.
func TestARenewalMovesTheNextReap(t *testing.T) {
	t.Parallel()
	r := newLimited(t)
	_, tasks := r.tasks()
	b := tasks[0].batch
	r.mu.Lock()
	before := b.service.next
	r.mu.Unlock()
	for t.Context().Err() == nil {
		r.renewer.round(t.Context(), []*batch{b})
		r.mu.Lock()
		next, reapFor, due := b.service.next, b.service.reapFor, b.service.Due()
		r.mu.Unlock()
		if !reapFor.Equal(next) || due.IsZero() {
			t.Fatalf("the reaper looks at %v for %v, and the next lease end is %v", due, reapFor, next)
		}
		if next.After(before) { // by a millisecond: the index has no parts of it
			return
		}
	}
}
