package discovery

import (
	"context"
	"sync"

	"github.com/rollcall-go/rollcall/internal/views"
	"github.com/rollcall-go/rollcall/registry"
)

// An Outcome is the result of a call of Broadcast on one node.
type Outcome struct {
	Node *registry.Node
	Err  error // that call returned, without the mark of Permanent or *CallError; nil: it succeeded
}

// Broadcast calls all nodes of a service at once, or those that the options select, and
// returns when every call has ended: one Outcome for each node, ordered by version and ID. It
// calls draining and ejected nodes too, those with NoTraffic, and those outside of the Zone
// and the Subset, because a message for all must reach all. Use a Filter to leave out nodes.
// Nothing is tried again.
//
// There is an error only if there was no node to call, as that of Pick. If a call panics, the
// panic goes on in the goroutine of the caller once the other calls have ended.
func (r *Resolver) Broadcast(
	ctx context.Context, service string, call func(context.Context, *registry.Node) error, opts ...PickOption,
) ([]Outcome, error) {
	q := ask(opts)
	if call == nil {
		q.err = invalid("call: nil")
	}
	s, members, err := r.all(ctx, service, &q)
	if err != nil {
		return nil, r.failure("broadcast", q.namespace, service, err)
	}
	outcomes, panics := make([]Outcome, len(members)), make(chan any, len(members))
	var calls sync.WaitGroup
	for i, m := range members {
		calls.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					panics <- p
				}
			}()
			err := Picked{s.BeginDirect(m, r.tracking(&q))}.do(ctx, call)
			if err != nil {
				err = Classify(err).Err
			}
			outcomes[i] = Outcome{m.Node, err}
		})
	}
	calls.Wait()
	select {
	case p := <-panics:
		panic(p)
	default:
		return outcomes, nil
	}
}

// all returns the nodes that a broadcast goes to.
func (r *Resolver) all(ctx context.Context, name string, q *question) (*views.Service, []*views.Member, error) {
	s, t, err := r.table(ctx, name, q)
	if err != nil {
		return nil, nil, err
	}
	set := q.set(t)
	if len(set.View.Members) == 0 {
		return nil, nil, t.NoNodes(set, &q.Selection)
	}
	return s, set.View.Members, nil
}
