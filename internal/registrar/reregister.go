package registrar

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/rollcall-go/rollcall/internal/lua"
)

// registerAgain registers what Redis does not have. Nodes that already hold a lease go
// first: they need no lease lookup.
func (r *renewer) registerAgain(ctx context.Context, tasks []*task) {
	began := time.Now()
	var nodes []*node
	for _, t := range tasks {
		nodes = append(nodes, t.again...)
	}
	if len(nodes) == 0 {
		return
	}
	r.listings.Signal() // what lost the nodes may have lost the catalogues
	r.mu.Lock()
	known, others := partition(nodes, func(n *node) bool { return n.token != "" })
	r.mu.Unlock()
	failedFirst, failed := r.registerAll(ctx, known, began), r.registerAll(ctx, others, began)
	for _, t := range tasks {
		if t.err == nil && len(r.unanswered(t.again, began)) > 0 {
			t.err = cmp.Or(failedFirst[t.batch.service], failed[t.batch.service])
		}
	}
}

// registerAll registers nodes. Where one of a call is refused, the others are sent again
// without it.
func (r *renewer) registerAll(ctx context.Context, nodes []*node, began time.Time) (failed failures) {
	for len(nodes) > 0 {
		failed = r.registerNodes(ctx, nodes)
		left := r.unanswered(nodes, began)
		if len(left) == len(nodes) {
			break
		}
		nodes = left
	}
	return failed
}

// unanswered returns the nodes that were neither registered nor refused since.
func (r *renewer) unanswered(nodes []*node, since time.Time) []*node {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(nodes), func(n *node) bool {
		return n.Over() || n.Confirmed && n.renewedSince(since)
	})
}

// deliverPending sends the deregistrations that are due.
func (r *renewer) deliverPending(ctx context.Context, tasks []*task) {
	var withdrawals []*withdrawal
	taskOf := map[*withdrawal]*task{}
	for _, t := range tasks {
		for _, g := range t.pending {
			f := &withdrawal{service: t.batch.service, act: g.act, leases: []lua.Lease{g.lease}}
			withdrawals, taskOf[f] = append(withdrawals, f), t
		}
	}
	if len(withdrawals) == 0 {
		return
	}
	r.deregister(ctx, withdrawals)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range withdrawals {
		t := taskOf[f]
		t.err = cmp.Or(t.err, f.err)
		if f.err == nil {
			t.batch.pending = f.service.leftToDo(t.batch.pending, f)
		}
	}
}

// leftToDo returns the pending deregistrations without one that was delivered. An Undo, which
// leaves no tombstone, is due once more where a call to register the node may still come.
func (s *service) leftToDo(pending []pendingDeregister, done *withdrawal) (left []pendingDeregister) {
	for _, g := range pending {
		mine := g.lease == done.leases[0]
		if mine && g.act.By == lua.Undo && !g.callsUntil.Before(done.at) {
			g.from = s.clock.Local(g.callsUntil).Add(time.Millisecond)
			g.until = g.from.Add(g.lease.TTL)
		} else if mine {
			continue
		}
		left = append(left, g)
	}
	return left
}

// errForgotten is why a node is lost that Redis does not know any more.
var errForgotten = errors.New("redis has lost the node: its lease ran out, or a flush, an eviction or a failover took it")
