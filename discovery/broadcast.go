package discovery

import (
	"context"
	"sync"

	"github.com/rollcall-go/rollcall/registry"
)

// An Outcome is how a call of Broadcast went on one node.
type Outcome struct {
	Node *registry.Node
	Err  error // what call returned, nil or not; of a Permanent and a *CallError what it marks
}

// Broadcast calls all nodes of a service at once, or those that the options leave,
// and returns when every call has ended: one Outcome each, ordered by version and
// ID. Draining and ejected nodes are called too, and so are those with NoTraffic and
// those beyond the Zone and the Subset: a message for all must not miss some in
// silence. A Filter leaves out nodes that are not to be called. Nothing is retried.
//
// The error tells only that there was no node to call, as that of Pick does. A
// panic of a call goes on in the goroutine of the caller, once the others have
// ended.
func (r *Resolver) Broadcast(
	ctx context.Context, service string, call func(context.Context, *registry.Node) error, opts ...PickOption,
) ([]Outcome, error) {
	q := ask(opts)
	if call == nil {
		q.err = invalid("call: nil")
	}
	s, members, err := r.audience(ctx, service, &q)
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
			err := r.direct(s, m, &q).call(ctx, call)
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

// audience are the nodes that a broadcast goes to.
func (r *Resolver) audience(ctx context.Context, name string, q *question) (*service, []*member, error) {
	s, t, err := r.table(ctx, name, q)
	if err != nil {
		return nil, nil, err
	}
	set := t.set(q)
	if members := set.view.members; len(members) > 0 {
		return s, members, nil
	}
	return nil, nil, t.nobody(set, q)
}
