package registry

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/actor"
	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/internal/lua"
	"github.com/rollcall-go/rollcall/internal/redisconn"
)

// Register announces the nodes of s and renews their leases until Deregister or
// Close. Redis sees it or refuses it before Register returns:
//
//	ErrInvalid      something is wrong with s or the options, or these do not suit
//	                the server; nothing was written
//	ErrConflict     RegisterExclusive, and another process lives under an ID
//	ErrSuperseded   a newer lease or an operator has taken an ID since this
//	                registry registered it; Deregister, then Register again
//	ErrUnavailable  Redis did not answer in time
//	ErrPermission   Redis refused the user or a command
//
// A first registration that fails leaves nothing behind, unless RegisterRetry
// is given. That holds for a context that ends while Redis answers, too: Register
// returns its error, and what was registered is withdrawn. Once registered, new
// data that could not be delivered is delivered by the next renewal that
// succeeds. The options of the newest call are in force, whatever it returned.
func (r *Redis) Register(ctx context.Context, s *Service, opts ...RegisterOption) error {
	o := apply(opts)
	call := operation{op: "register", namespace: o.namespace}
	if s != nil {
		call.namespace, call.service = cmp.Or(o.namespace, s.Namespace), s.Name
	}
	var p *plan
	call.prepare = func(op *operation) (err error) {
		p, err = newPlan(s, o, op.c.o)
		return err
	}
	_, err := run(ctx, r, call, func(ctx context.Context, op *operation) (struct{}, error) {
		return struct{}{}, r.register(ctx, op, p)
	})
	return err
}

func (r *Redis) register(ctx context.Context, op *operation, p *plan) error {
	c := op.c
	if err := r.start(c); err != nil {
		return err
	}
	nodes, done, err := r.adopt(c, p)
	if err != nil {
		return err
	}
	defer done()
	began := time.Now()
	err = r.establish(ctx, c, p, nodes)
	r.tellManual(ctx, c, nodes, err, began)
	return r.settle(ctx, op, p, nodes, err)
}

// adopt notes what is to be registered: new nodes, and changes of those that
// stand. Each change gets the next seq of its lease. Without an error, Close waits until
// done is called.
func (r *Redis) adopt(c *conn, p *plan) (nodes []*node, done func(), err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, nil, ErrClosed
	}
	k := c.Space.Service(p.namespace, p.name)
	s := r.services[k]
	if s == nil {
		s = &service{
			namespace: p.namespace, name: p.name, keys: k,
			nodes: map[string]*node{}, batches: map[batchKey]*batch{},
		}
	}
	for _, planned := range p.nodes {
		if n := s.nodes[planned.id]; n != nil && n.over() {
			return nil, nil, &errdefs.NodeError{Node: planned.id, Err: fmt.Errorf("%w: Deregister, then Register again%s", ErrSuperseded, n.held)}
		}
	}
	r.services[k] = s
	done = r.registering.Enter()
	p.reg = &registration{onState: p.onState, reported: Live}
	nodes = make([]*node, len(p.nodes))
	for i, planned := range p.nodes {
		n := s.nodes[planned.id]
		if n == nil {
			n = &node{service: s, id: planned.id, data: planned.data, seq: 1}
			s.nodes[n.id] = n
		}
		if !bytes.Equal(n.data, planned.data) {
			n.seq++
		}
		n.listed = n.listed && n.version == p.version
		n.data, n.apis, n.version = planned.data, planned.apis, p.version
		n.ttl, n.interval, n.exclusive, n.reg = p.ttl, p.interval, p.exclusive, p.reg
		n.check, n.manual = p.check, p.manual
		n.calls++
		n.called = time.Now()
		if n.state != Live {
			p.reg.reported = n.state
		}
		nodes[i] = n
	}
	return nodes, done, nil
}

// establish does what Redis has to see of a Register.
func (r *Redis) establish(ctx context.Context, c *conn, p *plan, nodes []*node) error {
	if err := r.passes(ctx, c, p.check); err != nil {
		return err
	}
	if err := c.Meet(ctx); err != nil {
		return err
	}
	r.announce(ctx, c, r.unlisted(nodes))
	if p.exclusive {
		r.clear(ctx, c, nodes)
	}
	return r.put(ctx, c, nodes)[nodes[0].service]
}

// clear says the goodbyes of these nodes that were not delivered yet: the lease of an
// earlier Register of ours, whose outcome was unknown, is no other process's.
func (r *Redis) clear(ctx context.Context, c *conn, nodes []*node) {
	s := nodes[0].service
	r.mu.Lock()
	farewells := s.pending(func(id string) bool {
		return slices.ContainsFunc(nodes, func(n *node) bool { return n.id == id })
	})
	r.mu.Unlock()
	r.deregister(ctx, c, farewells)
}

// settle draws the conclusions of a Register: who is renewed from now on, and
// what is left of a first one that failed.
func (r *Redis) settle(ctx context.Context, op *operation, p *plan, nodes []*node, err error) error {
	c, now := op.c, time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.tell(c)
	background := err != nil && p.retry && passing(err)
	if !op.conclude() { // the caller has given up, and takes it for a failure
		background, err = false, cmp.Or(err, context.Cause(ctx))
	}
	for _, n := range nodes {
		n.calls--
		if err == nil || background {
			n.promised = true // the failure of another call does not end it
		}
		switch {
		case n.over():
		case err != nil && !background && n.calls == 0 && !n.promised:
			r.takeBack(ctx, c, n, err, now)
		case n.confirmed || background:
			r.keep(n, now)
		}
	}
	if background && redisconn.IsOutage(err) { // which has its own lines
		c.Attempted(nodes[0].service.String(), err)
		return nil
	}
	if background {
		c.Log.Warn(func(e *zerolog.Event) {
			e.Err(redisconn.Classify(err)).Str("namespace", p.namespace).Str("service", p.name).
				Msg("rollcall: registration goes on in the background")
		})
		return nil
	}
	if err == nil && r.closed && slices.ContainsFunc(nodes, func(n *node) bool { return n.state == Left }) {
		return ErrClosed // from within its check, which Close does not wait for
	}
	return err
}

// keep has a node renewed from now on, unless its caller renews it. One that is
// not registered yet is due at once.
func (r *Redis) keep(n *node, now time.Time) {
	if n.manual {
		n.service.leave(n)
		return
	}
	due := now.Add(actor.Shortened(n.interval))
	if !n.confirmed {
		due = now
	}
	n.service.join(n, due)
	if n.batch.due.Equal(due) { // nothing of the batch is due sooner
		r.actors.renewals.Signal()
	}
}

// takeBack leaves nothing of a first registration that failed. Where the outcome
// is not known, the call may arrive as late as the deadline that it carries.
func (r *Redis) takeBack(ctx context.Context, c *conn, n *node, err error, now time.Time) {
	if n.state == Live { // as a part of it was told
		r.become(c, n, Left, nil)
	}
	r.forget(n)
	if unknown(err) || n.confirmed {
		r.sayLater(n, lua.Undo, now)
	}
	if unknown(err) {
		r.sayLater(n, lua.Undo, c.deadline(ctx))
	}
}

// forget ends a registration here. tell is to be called after it.
func (r *Redis) forget(n *node) {
	if slices.Contains(awayStates, n.state) {
		r.turns = append(r.turns, turn{node: n, was: n.state, state: Left})
	}
	n.state = Left
	n.service.leave(n)
	if n.service.nodes[n.id] == n {
		delete(n.service.nodes, n.id)
	}
	r.tidy(n.service)
}

// sayLater has the keeper deliver a goodbye, as long as the lease may stand.
func (r *Redis) sayLater(n *node, by lua.By, from time.Time) {
	if n.token == "" || r.closed {
		return
	}
	s := r.services[n.service.keys]
	if s == nil {
		s = n.service
		r.services[s.keys] = s
	}
	s.part(n, goodbye{lease: n.lease(), by: by, from: from, until: from.Add(n.ttl)})
	r.actors.renewals.Signal()
}

// tidy forgets a service that has nothing left to do.
func (r *Redis) tidy(s *service) {
	if len(s.nodes) == 0 && len(s.batches) == 0 && r.services[s.keys] == s {
		delete(r.services, s.keys)
		if !r.closed {
			r.conn.left(s.String())
		}
	}
}

// passing tells whether trying again may help.
func passing(err error) bool {
	err = redisconn.Classify(err)
	for _, final := range []error{ErrConflict, ErrSuperseded, ErrClosed, context.Canceled} {
		if errors.Is(err, final) {
			return false
		}
	}
	return !redisconn.Hopeless(err)
}

// unknown tells whether Redis may have done, or may yet do, what failed.
func unknown(err error) bool {
	err = redisconn.Classify(err)
	return errors.Is(err, ErrUnavailable) || errors.Is(err, context.Canceled)
}
