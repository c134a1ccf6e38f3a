package registrar

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/lifecycle"
	"github.com/rollcall-go/rollcall/internal/lua"
)

// A Selector chooses nodes.
type Selector func(id, version string) bool

// Deregister withdraws nodes of one service. Their renewal ends in any case. Where that
// fails it is tried again for as long as the leases may last. The note is for the log, or "".
func (r *book) Deregister(ctx context.Context, k keys.Service, note string, which Selector) error {
	r.mu.Lock()
	s := r.services[k]
	r.mu.Unlock()
	if s == nil {
		return nil
	}
	err := r.deliver(ctx, r.withdraw([]*service{s}, note, func(n *node) bool { return which(n.id, n.version) }))[s]
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tidied(s)
	return err
}

// withdrawAll deregisters everything. It waits first for the Registers that are under way,
// a third of the time that ctx leaves; not where it is called from a function of the
// user's, which a Register may be waiting for. It includes what was not delivered before.
func (r *book) withdrawAll(ctx context.Context, inside bool) error {
	if !inside {
		deadline, _ := ctx.Deadline()
		limited, cancel := context.WithTimeout(ctx, time.Until(deadline)/3)
		_ = r.registering.Wait(limited, "a Register") // what is late then, runs out
		cancel()
	}
	withdrawals := r.withdraw(nil, "", func(*node) bool { return true })
	r.mu.Lock()
	for _, s := range r.services {
		withdrawals = append(withdrawals, s.undelivered(func(string) bool { return true })...)
	}
	r.mu.Unlock()
	return r.deliver(ctx, withdrawals).One()
}

// undelivered returns the deregistrations of some nodes that are pending. book.mu is held.
func (s *service) undelivered(of func(id string) bool) (withdrawals []*withdrawal) {
	for _, b := range s.batches {
		for _, g := range b.pending {
			if of(g.lease.ID) {
				withdrawals = append(withdrawals, &withdrawal{service: s, act: g.act, leases: []lua.Lease{g.lease}})
			}
		}
	}
	return withdrawals
}

// A withdrawal is what is to be deregistered of one service.
type withdrawal struct {
	service *service
	act     lua.Act
	nodes   []*node
	leases  []lua.Lease
	err     error     // how it went
	at      time.Time // TIME of the answer
}

// deliver sends withdrawals, and has the renewer send again those that fail.
func (r *book) deliver(ctx context.Context, withdrawals []*withdrawal) failures {
	r.deregister(ctx, withdrawals)
	failed := failures{}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range withdrawals {
		failed.Add(f.service, f.err)
		for _, n := range f.nodes {
			if f.err != nil || f.act.By == lua.Undo && !n.callsUntil.Before(f.at) {
				r.deregisterLater(n, f.act, n.callsUntil)
			}
		}
		if len(f.nodes) > 0 { // it is one of withdraw
			f.service.withdrawing--
			r.tidy(f.service)
		}
	}
	return failed
}

// withdraw ends registrations here, and returns what is to be sent to Redis. A register
// call that was never confirmed may not have reached Redis, and then an older lease may
// be in force there: Undo leaves that alone.
func (r *book) withdraw(services []*service, note string, which func(*node) bool) []*withdrawal {
	r.mu.Lock()
	defer r.mu.Unlock()
	if services == nil { // all
		services = slices.Collect(maps.Values(r.services))
	}
	var withdrawals []*withdrawal
	for _, s := range services {
		self, undo := &withdrawal{service: s, act: lua.Act{By: lua.Self, Note: note}}, &withdrawal{service: s, act: lua.Act{By: lua.Undo, Note: note}}
		s.withdrawing++ // until all of its nodes are looked at
		for _, n := range s.nodes {
			if !which(n) {
				continue
			}
			f := undo
			if n.Confirmed {
				f = self
			}
			if n.token != "" && !n.Over() {
				f.nodes, f.leases = append(f.nodes, n), append(f.leases, n.lease())
			}
			r.happens(n, lifecycle.Ended, nil)
			r.forget(n)
		}
		r.logChanges()
		for _, f := range []*withdrawal{self, undo} {
			if len(f.leases) > 0 {
				s.withdrawing++
				withdrawals = append(withdrawals, f)
			}
		}
		s.withdrawing--
		r.tidy(s)
	}
	return withdrawals
}

// deregister sends withdrawals, all in one pipeline, and notes how each went.
func (r *book) deregister(ctx context.Context, withdrawals []*withdrawal) {
	for range 2 { // a second time by the clock that the answer to a late call brought
		var calls []lua.DeregisterCall
		var about []*withdrawal
		r.mu.Lock()
		for _, f := range withdrawals {
			f.err = nil
			for chunk := range slices.Chunk(f.leases, lua.MaxNodes) {
				calls = append(calls, lua.DeregisterCall{Target: r.target(ctx, f.service), Act: f.act, Nodes: chunk})
				about = append(about, f)
			}
		}
		r.mu.Unlock()
		sent := time.Now()
		results := lua.Deregister(ctx, r.c, calls...)
		received := time.Now()
		late := false
		for i, f := range about {
			r.noteReply(ctx, f.service, results[i], sent, received)
			f.err, f.at = cmp.Or(f.err, results[i].Err), results[i].Now
			late = late || errors.Is(results[i].Err, lua.ErrLate)
		}
		if !late {
			return
		}
	}
}
