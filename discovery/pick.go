package discovery

import (
	"context"

	"github.com/rollcall-go/rollcall/internal/balance"
	"github.com/rollcall-go/rollcall/internal/listed"
	"github.com/rollcall-go/rollcall/internal/views"
	"github.com/rollcall-go/rollcall/registry"
)

// Picked is the node that Pick has picked for one call: Node returns it. Call Done once, when
// the call is over; further calls of Done, also on copies, have no effect.
type Picked struct{ call views.Call }

// Pick picks a node of a service for one call, with the balancer of the Resolver unless an
// option names another. Call Done of the result when the call is over. Errors are those of
// Resolve, and ErrNoNodes if the options leave no node.
func (r *Resolver) Pick(ctx context.Context, service string, opts ...PickOption) (Picked, error) {
	if len(opts) == 0 && ctx != nil {
		if s, t := r.hub.Ready(service); t != nil && !s.Due() {
			return Picked{s.Begin(t.Pick(0), r.tracks)}, nil
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
	set := q.set(t)
	if len(set.Members) == 0 {
		s.NoNodes.Add(1)
		return Picked{}, t.NoNodes(set, &q.Selection)
	}
	tracked := r.tracking(q)
	if c, ok := s.Probe(&q.Selection, tracked); ok {
		return Picked{c}, nil
	}
	return Picked{s.Begin(set.PickBy(q.policy, q.key), tracked)}, nil
}

// table returns the service that a question is about, and its table.
func (r *Resolver) table(ctx context.Context, name string, q *question) (*views.Service, *views.Table, error) {
	switch {
	case q.err != nil:
		return nil, nil, q.err
	case r.err != nil:
		return nil, nil, r.err
	}
	return r.hub.Table(ctx, listed.Name{Namespace: q.namespace, Service: name})
}

// tracking is what is noted of a call.
func (r *Resolver) tracking(q *question) balance.Tracking {
	if q.policy == nil {
		return r.tracks
	}
	return q.policy.Tracks()
}

// Node returns the node to call.
func (p Picked) Node() *registry.Node {
	if p.call.Member == nil {
		return nil
	}
	return p.call.Member.Node
}

// Done reports the result of the call: nil, or why it failed. Several failures in a row eject
// the node for a while: see Ejection. Classify says which errors count against the node. A
// cancelled call does not, nor an error that Permanent marks as the answer of the node. A
// *CallError overrides Classify.
func (p Picked) Done(err error) {
	if p.call.Member == nil {
		return
	}
	result := balance.OK
	if err != nil {
		failed := Classify(err)
		result, err = failed.result(), failed.Err
	}
	p.call.Done(result, err)
}
