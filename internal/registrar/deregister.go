package registrar

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/lua"
)

// A Selector tells which nodes a call means.
type Selector func(id, version string) bool

// Deregister withdraws nodes of one service. Their renewal ends in any case. Where that
// fails it is tried again for as long as the leases may stand.
func (r *book) Deregister(ctx context.Context, k keys.Service, which Selector) error {
	r.mu.Lock()
	s := r.services[k]
	r.mu.Unlock()
	if s == nil {
		return nil
	}
	return r.say(ctx, r.part([]*service{s}, func(n *node) bool { return which(n.id, n.version) }))[s]
}

// withdrawAll deregisters everything, once what is being registered is: a third of
// ctx is for that. Goodbyes that were not delivered yet are said with the others. Inside
// of a function of the user's it does not wait: a Register may be waiting for that.
func (r *book) withdrawAll(ctx context.Context, inside bool) error {
	if !inside {
		deadline, _ := ctx.Deadline()
		limited, cancel := context.WithTimeout(ctx, time.Until(deadline)/3)
		_ = r.registering.Wait(limited, "a Register") // what is late then, runs out
		cancel()
	}
	farewells := r.part(r.all(), func(*node) bool { return true })
	r.mu.Lock()
	for _, s := range r.services {
		farewells = append(farewells, s.pending(func(string) bool { return true })...)
	}
	r.mu.Unlock()
	return r.say(ctx, farewells).one()
}

// pending returns the goodbyes of some nodes that were not delivered yet. Redis.mu is
// held.
func (s *service) pending(of func(id string) bool) (farewells []*farewell) {
	for _, b := range s.batches {
		for _, g := range b.goodbyes {
			if of(g.lease.ID) {
				farewells = append(farewells, &farewell{service: s, by: g.by, leases: []lua.Lease{g.lease}})
			}
		}
	}
	return farewells
}

// all returns the services that this registry has to do with.
func (r *book) all() []*service {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Collect(maps.Values(r.services))
}

// A farewell is what is to be deregistered of one service.
type farewell struct {
	service *service
	by      lua.By
	nodes   []*node
	leases  []lua.Lease
	err     error // how it went
}

// say delivers farewells, and has the keeper say again what Redis did not hear of.
func (r *book) say(ctx context.Context, farewells []*farewell) failures {
	r.deregister(ctx, farewells)
	failed := failures{}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range farewells {
		failed.add(f.service, f.err)
		for _, n := range f.nodes {
			if f.err != nil {
				r.sayLater(n, f.by, time.Now())
			}
		}
	}
	return failed
}

// part ends registrations here, and returns those that Redis has to hear of.
// What was never confirmed may not have come, and then an older lease may live
// there: that is left alone.
func (r *book) part(services []*service, which func(*node) bool) []*farewell {
	r.mu.Lock()
	defer r.mu.Unlock()
	var farewells []*farewell
	for _, s := range services {
		self, undo := &farewell{service: s, by: lua.Self}, &farewell{service: s, by: lua.Undo}
		for _, n := range s.nodes {
			if !which(n) {
				continue
			}
			f := undo
			if n.confirmed {
				f = self
			}
			if n.token != "" && !n.over() {
				f.nodes, f.leases = append(f.nodes, n), append(f.leases, n.lease())
			}
			r.happens(n, ended, nil)
			r.forget(n)
		}
		r.logChanges()
		for _, f := range []*farewell{self, undo} {
			if len(f.leases) > 0 {
				farewells = append(farewells, f)
			}
		}
	}
	return farewells
}

// deregister sends farewells, all in one pipeline, and notes how each went.
func (r *book) deregister(ctx context.Context, farewells []*farewell) {
	for range 2 { // again by the clock that a late answer told
		var calls []lua.DeregisterCall
		var about []*farewell
		r.mu.Lock()
		for _, f := range farewells {
			f.err = nil
			for chunk := range slices.Chunk(f.leases, lua.MaxNodes) {
				calls = append(calls, lua.DeregisterCall{Target: r.target(ctx, f.service), By: f.by, Nodes: chunk})
				about = append(about, f)
			}
		}
		r.mu.Unlock()
		sent := time.Now()
		results := lua.Deregister(ctx, r.c, calls...)
		received := time.Now()
		late := false
		for i, f := range about {
			r.heard(ctx, f.service, results[i], sent, received)
			f.err = cmp.Or(f.err, results[i].Err)
			late = late || errors.Is(results[i].Err, lua.ErrLate)
		}
		if !late {
			return
		}
	}
}
