package registrar

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/actor"
	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/internal/lifecycle"
	"github.com/rollcall-go/rollcall/internal/lua"
	"github.com/rollcall-go/rollcall/internal/plan"
	"github.com/rollcall-go/rollcall/internal/redisconn"
	"github.com/rollcall-go/rollcall/internal/statelog"
)

// Register registers the nodes of a plan, and has them renewed. conclude decides, once,
// whether the caller gets what came of it: where it returns false the caller has given
// up, and takes it for a failure.
func (r *Registrar) Register(ctx context.Context, p *plan.Plan, conclude func() bool) error {
	if err := r.start(); err != nil {
		return err
	}
	nodes, done, err := r.adopt(p)
	if err != nil {
		return err
	}
	defer done()
	began := time.Now()
	err = r.establish(ctx, p, nodes)
	r.renewer.publishManual(ctx, nodes, err, began)
	return r.settle(ctx, p, nodes, err, conclude)
}

// adopt notes what is to be registered: new nodes, and changes of those that are
// registered. Each change gets the next seq of its lease. Without an error, Close waits until
// done is called.
func (r *book) adopt(p *plan.Plan) (nodes []*node, done func(), err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, nil, errdefs.ErrClosed
	}
	s := r.services[p.Service]
	if s == nil {
		s = newService(p.Service)
	}
	for _, planned := range p.Nodes {
		if n := s.nodes[planned.ID]; n != nil && n.Over() {
			return nil, nil, &errdefs.NodeError{Node: planned.ID, Err: fmt.Errorf("%w: Deregister, then Register again%s", errdefs.ErrSuperseded, n.holder)}
		}
	}
	r.services[p.Service] = s
	done = r.registering.Enter()
	reg := &registration{onState: p.OnState, reported: lifecycle.Live}
	nodes = make([]*node, len(p.Nodes))
	for i, planned := range p.Nodes {
		n := s.nodes[planned.ID]
		if n == nil {
			n = &node{service: s, id: planned.ID, data: planned.Data, seq: 1}
			s.nodes[n.id] = n
		}
		if !bytes.Equal(n.data, planned.Data) {
			n.seq++
		}
		n.data, n.apis, n.version = planned.Data, planned.APIs, p.Version
		s.ttls.Move(n.ttl, p.TTL)
		n.ttl, n.interval, n.exclusive, n.reg = p.TTL, p.Interval, p.Exclusive, reg
		n.check, n.manual = p.Check, p.Manual
		n.calls++
		n.calledAt = time.Now()
		if n.State != lifecycle.Live {
			reg.reported = n.State
		}
		nodes[i] = n
	}
	return nodes, done, nil
}

// establish does what Redis has to see of a Register.
func (r *Registrar) establish(ctx context.Context, p *plan.Plan, nodes []*node) error {
	if err := r.renewer.checkNow(ctx, p.Check); err != nil {
		return err
	}
	if err := r.c.Meet(ctx); err != nil {
		return err
	}
	r.cataloguer.announce(ctx, r.cataloguer.unlisted(nodes))
	if p.Exclusive {
		r.clear(ctx, nodes)
	}
	return r.registerNodes(ctx, nodes)[nodes[0].service]
}

// clear sends the pending deregistrations of these nodes: the lease of an earlier Register
// of ours, whose outcome is unknown, is no other process's.
func (r *book) clear(ctx context.Context, nodes []*node) {
	s := nodes[0].service
	r.mu.Lock()
	withdrawals := s.undelivered(func(id string) bool {
		return slices.ContainsFunc(nodes, func(n *node) bool { return n.id == id })
	})
	r.mu.Unlock()
	r.deregister(ctx, withdrawals)
}

// settle draws the conclusions of a Register: who is renewed from now on, and
// what is left of a first one that failed.
func (r *book) settle(ctx context.Context, p *plan.Plan, nodes []*node, err error, conclude func() bool) error {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.logChanges()
	background := err != nil && p.Retry && redisconn.Retryable(err)
	if !conclude() { // the caller has given up, and takes it for a failure
		background, err = false, cmp.Or(err, context.Cause(ctx))
	}
	for _, n := range nodes {
		n.calls--
		if err == nil || background {
			n.accepted = true // the failure of another call does not end it
		}
		switch {
		case n.Over():
		case err != nil && !background && n.calls == 0 && !n.accepted:
			r.takeBack(n, err)
		case n.Confirmed || background:
			r.keep(n, now)
		}
	}
	r.tidied(nodes[0].service)
	if background && redisconn.IsOutage(err) { // which has its own lines
		r.c.Attempted(nodes[0].service.String(), err)
		return nil
	}
	if background {
		r.c.Log.Warn(func(e *zerolog.Event) {
			e.Err(redisconn.Classify(err)).Str("namespace", p.Service.Namespace()).Str("service", p.Service.Name()).
				Msg("rollcall: not registered yet; trying again in the background")
		})
		return nil
	}
	if err == nil && r.closed && slices.ContainsFunc(nodes, func(n *node) bool { return n.State == lifecycle.Left }) {
		return errdefs.ErrClosed // from within its check, which Close does not wait for
	}
	return err
}

// keep has a node renewed from now on, unless its caller renews it. One that is
// not registered yet is due at once.
func (r *book) keep(n *node, now time.Time) {
	if n.manual {
		r.leave(n)
		return
	}
	due := now.Add(actor.Shortened(n.interval))
	if !n.Confirmed {
		due = now
	}
	r.join(n, due)
}

// takeBack leaves nothing of a first registration that failed.
func (r *book) takeBack(n *node, err error) {
	if n.State == lifecycle.Live { // a part of the call was done
		r.happens(n, lifecycle.Ended, nil)
	}
	r.forget(n)
	if redisconn.Unknown(err) || n.Confirmed {
		r.undoLater(n, err)
	}
}

// forget ends a registration here. logChanges is to be called after it.
func (r *book) forget(n *node) {
	if n.State.Away() {
		r.states.Add(statelog.Change{Service: n.service.keys, Node: n.id, Was: n.State, State: lifecycle.Left})
	}
	n.On(lifecycle.Ended, false)
	delete(r.refused, n)
	r.leave(n)
	if n.service.nodes[n.id] == n {
		delete(n.service.nodes, n.id)
		n.service.ttls.Move(n.ttl, 0)
	}
	r.tidy(n.service)
}

// undoLater undoes a register that has failed so. Where its outcome is unknown, the call may
// come as late as its deadline by Redis's clock, and is undone then as well.
func (r *book) undoLater(n *node, err error) {
	if !redisconn.Unknown(err) {
		n.callsUntil = time.Time{}
	}
	r.deregisterLater(n, lua.Act{By: lua.Undo}, n.callsUntil)
}

// deregisterLater has the renewer deregister a node, and try again until its lease has
// ended. callsUntil is until when a call to register it may come, by Redis's clock, or zero.
func (r *book) deregisterLater(n *node, act lua.Act, callsUntil time.Time) {
	if n.token == "" || r.closed {
		return
	}
	s := r.services[n.service.keys]
	if s == nil {
		s = n.service
		r.services[s.keys] = s
	}
	b := r.batch(s, batchKey{interval: n.interval}, nil)
	now := time.Now()
	until := actor.Later(now, r.clockOf(s).Local(callsUntil)).Add(n.ttl)
	b.pending = append(b.pending, pendingDeregister{lease: n.lease(), act: act, callsUntil: callsUntil, from: now, until: until})
	r.dueBy(b, now)
}

// tidy forgets a service that has nothing left to do.
func (r *book) tidy(s *service) {
	if len(s.nodes) == 0 && len(s.batches) == 0 && s.withdrawing == 0 && r.services[s.keys] == s {
		delete(r.services, s.keys)
		r.reaping.Set(s, time.Time{})
	}
}

// tidied takes a service that tidy has forgotten out of what is in trouble. book.mu is held.
func (r *book) tidied(s *service) {
	if r.services[s.keys] != s && !r.closed {
		r.left(s.String())
	}
}
