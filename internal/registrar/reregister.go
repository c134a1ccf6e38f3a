package registrar

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/actor"
	"github.com/rollcall-go/rollcall/internal/lifecycle"
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
			f := &withdrawal{service: t.batch.service, by: g.by, leases: []lua.Lease{g.lease}}
			withdrawals, taskOf[f] = append(withdrawals, f), t
		}
	}
	if len(withdrawals) == 0 {
		return
	}
	sent := time.Now()
	r.deregister(ctx, withdrawals)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range withdrawals {
		t := taskOf[f]
		t.err = cmp.Or(t.err, f.err)
		if f.err == nil {
			t.batch.pending = slices.DeleteFunc(t.batch.pending, func(g pendingDeregister) bool {
				return g.lease == f.leases[0] && !g.from.After(sent) // one that is due later is still to be sent
			})
		}
	}
}

// reschedule says when each batch is due next after a round, and what could not be
// renewed for a whole TTL is lost: callers do not see it any more.
func (r *renewer) reschedule(tasks []*task, began time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.logChanges()
	now := time.Now()
	for _, t := range tasks {
		b := t.batch
		b.checkState = checkIdle
		if t.err == nil {
			b.backoff.Reset()
			r.renewalSucceeded(b)
			r.dueBy(b, began.Add(actor.Shortened(b.key.interval)))
		} else {
			retry := b.backoff.NextBackOff()
			r.dueBy(b, now.Add(retry))
			r.c.Log.Debug(func(e *zerolog.Event) {
				e.Err(t.err).Stringer("service", b.service).Stringer("retry_in", retry).Msg("rollcall: renewal failed")
			})
			r.renewalFailed(b, t.err)
			for _, n := range b.nodes {
				switch {
				case n.State != lifecycle.Live:
				case n.shownUntil().Before(now):
					r.happens(n, lifecycle.Expired, errLost(n.ttl, t.err))
				default: // one more try, and then the loss is reported without delay
					r.dueBy(b, n.shownUntil().Add(coalesceWindow))
				}
				if next := n.liveSentAt.Add(b.key.interval); next.After(now) {
					r.dueBy(b, next) // for the next message that it lives
				}
			}
		}
		for _, g := range b.pending {
			if g.from.After(now) {
				r.dueBy(b, g.from)
			}
		}
		r.tidyBatch(b)
		r.tidy(b.service)
		r.tidied(b.service)
	}
}

// errLost says for how long a lease could not be renewed.
func errLost(ttl time.Duration, err error) error {
	return fmt.Errorf("no renewal for a TTL of %v: %w", ttl, err)
}

// errForgotten is why a node is lost that Redis does not know any more.
var errForgotten = errors.New("redis has lost the node: its lease ran out, or a flush, an eviction or a failover took it")
