package registry

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/internal/lua"
)

// Deregister withdraws what this registry registered of s: the nodes it names,
// or without nodes all of the service, or of s.Version where one is given.
// Renewal ends in any case. With ErrUnavailable, Redis has not heard of it: the
// goodbye is sent again as long as the leases may stand, and they run out by
// themselves. The same holds where ctx ends before Redis has answered. Where ctx is
// over already, Deregister takes 2 s of its own, or Options.Timeout where that is
// shorter.
//
// A node that is already gone, that a newer lease has, or that this registry
// never registered is no error, and nothing happens to it.
func (r *Redis) Deregister(ctx context.Context, s *Service, opts ...DeregisterOption) error {
	o := apply(opts)
	call := operation{op: "deregister", namespace: o.namespace, withdraws: true}
	if s != nil {
		call.namespace, call.service = cmp.Or(o.namespace, s.Namespace), s.Name
	}
	var which func(*node) bool
	call.prepare = func(op *operation) (err error) {
		which, err = chosen(s, op.namespace)
		return err
	}
	_, err := run(ctx, r, call, func(ctx context.Context, op *operation) (struct{}, error) {
		r.mu.Lock()
		ours := r.services[op.c.Space.Service(op.namespace, op.service)]
		r.mu.Unlock()
		if ours == nil {
			return struct{}{}, nil
		}
		return struct{}{}, r.say(ctx, op.c, r.part(op.c, []*service{ours}, which))[ours]
	})
	return err
}

// chosen tells which nodes of a service a Deregister means.
func chosen(s *Service, namespace string) (func(*node) bool, error) {
	if s == nil {
		return nil, errdefs.Invalid("Service", "is nil")
	}
	if err := cmp.Or(checkNamespace("Namespace", namespace), checkName("Name", s.Name)); err != nil {
		return nil, err
	}
	named := map[string]bool{}
	for _, n := range s.Nodes {
		if n == nil {
			return nil, errdefs.Invalid("Nodes", "one is nil")
		}
		named[cmp.Or(n.ID, n.Address)] = true
	}
	if len(named) > 0 {
		return func(n *node) bool { return named[n.id] }, nil
	}
	version := s.Version
	return func(n *node) bool { return version == "" || version == n.version }, nil
}

// withdrawAll deregisters everything, once what is being registered is: a third of
// ctx is for that. Goodbyes that were not delivered yet are said with the others. Inside
// of a function of the user's it does not wait: a Register may be waiting for that.
func (r *Redis) withdrawAll(ctx context.Context, c *conn, inside bool) error {
	if !inside {
		deadline, _ := ctx.Deadline()
		limited, cancel := context.WithTimeout(ctx, time.Until(deadline)/3)
		_ = r.registering.Wait(limited, "a Register") // what is late then, runs out
		cancel()
	}
	farewells := r.part(c, r.all(), func(*node) bool { return true })
	r.mu.Lock()
	for _, s := range r.services {
		farewells = append(farewells, s.pending(func(string) bool { return true })...)
	}
	r.mu.Unlock()
	return r.say(ctx, c, farewells).one()
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
func (r *Redis) all() []*service {
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
func (r *Redis) say(ctx context.Context, c *conn, farewells []*farewell) failures {
	r.deregister(ctx, c, farewells)
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
func (r *Redis) part(c *conn, services []*service, which func(*node) bool) []*farewell {
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
			r.become(c, n, Left, nil)
			r.forget(n)
		}
		r.tell(c)
		for _, f := range []*farewell{self, undo} {
			if len(f.leases) > 0 {
				farewells = append(farewells, f)
			}
		}
	}
	return farewells
}

// deregister sends farewells, all in one pipeline, and notes how each went.
func (r *Redis) deregister(ctx context.Context, c *conn, farewells []*farewell) {
	for range 2 { // again by the clock that a late answer told
		var calls []lua.DeregisterCall
		var about []*farewell
		r.mu.Lock()
		for _, f := range farewells {
			f.err = nil
			for chunk := range slices.Chunk(f.leases, lua.MaxNodes) {
				calls = append(calls, lua.DeregisterCall{Target: c.target(ctx, f.service), By: f.by, Nodes: chunk})
				about = append(about, f)
			}
		}
		r.mu.Unlock()
		sent := time.Now()
		results := lua.Deregister(ctx, c, calls...)
		received := time.Now()
		late := false
		for i, f := range about {
			r.heard(ctx, c, f.service, results[i], sent, received)
			f.err = cmp.Or(f.err, results[i].Err)
			late = late || errors.Is(results[i].Err, lua.ErrLate)
		}
		if !late {
			return
		}
	}
}
