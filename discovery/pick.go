package discovery

import (
	"context"
	"time"

	"github.com/rollcall-go/rollcall/registry"
)

// Picked is a node that was picked for one call. Call Done when the call is over. Only the
// first Done counts, also of copies.
type Picked struct {
	m      *member
	t      *ticket
	number uint64 // of the ticket, while it belongs to this call
}

// Pick picks a node of a service for one call, with the balancer of the Resolver unless an
// option names another. Call Done of the result when the call is over. Errors are those of
// Resolve, and ErrNoNodes if the options leave no node.
func (r *Resolver) Pick(ctx context.Context, service string, opts ...PickOption) (Picked, error) {
	if len(opts) == 0 && ctx != nil {
		if s, t := r.ready(service); t != nil && s.due.Load() == nil {
			return s.begin(t.every.own.pick(0), r.tracks), nil
		}
	}
	q := ask(opts)
	p, err := r.pick(ctx, service, &q)
	if err != nil {
		return p, r.failure("pick", q.namespace, service, err)
	}
	return p, nil
}

func (r *Resolver) pick(ctx context.Context, name string, q *question) (Picked, error) {
	s, t, err := r.table(ctx, name, q)
	if err != nil {
		return Picked{}, err
	}
	set := t.set(q)
	if len(set.members) == 0 {
		return Picked{}, t.nobody(set, q)
	}
	if m := s.probe(q); m != nil {
		p := r.direct(s, m, q)
		p.t.probe = true
		return p, nil
	}
	return s.begin(set.picker(q.balancer).pick(q.key), r.tracking(q)), nil
}

// unknown tells that the service has never existed.
func (t *table) unknown() bool { return !t.seen && t.view.history == "" && len(t.view.nodes) == 0 }

// tracking is what is noted of a call.
func (r *Resolver) tracking(q *question) tracking {
	if q.balancer == nil {
		return r.tracks
	}
	return q.balancer.tracks()
}

// direct begins a call to a member that no picker has picked.
func (r *Resolver) direct(s *service, m *member, q *question) Picked {
	tracked := r.tracking(q)
	if tracked == bounded { // by its pick
		tracked = untracked
	}
	return s.begin(m, tracked)
}

// begin counts a call to a member.
func (s *service) begin(m *member, tracked tracking) Picked {
	t := tickets.Get().(*ticket)
	t.notes = notes{s: s, tracked: tracked}
	if tracked == timed {
		t.began = now()
		m.state.load.begin()
	}
	return Picked{m, t, t.number.Load()}
}

// Node returns the node to call.
func (p Picked) Node() *registry.Node {
	if p.m == nil {
		return nil
	}
	return p.m.Node
}

// Done reports the result of the call: nil, or why it failed. Several failures in a row eject
// the node for a while: see Ejection. Classify says which errors count against the node. A
// cancelled call does not, nor an error that Permanent marks as the answer of the node. A
// *CallError overrides Classify.
func (p Picked) Done(err error) {
	if p.m == nil {
		return
	}
	n, first := p.t.end(p.number)
	if !first {
		return
	}
	v := good
	if err != nil {
		failed := Classify(err)
		v, err = failed.verdict(), failed.Err
	}
	if n.tracked != untracked {
		p.m.state.load.done(n, v)
	}
	n.s.report(p.m, n.probe, v, err)
}

// A verdict is what a call says of its node.
type verdict int

const (
	good         verdict = iota
	bad                  // it failed, and the node may be to blame
	inconclusive         // that is nobody's fault, or the caller's own
)

var start = time.Now()

// now is a time that costs little to ask for.
func now() time.Duration { return time.Since(start) }
