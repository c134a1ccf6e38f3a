package registry

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/rollcall-go/rollcall/internal/lua"
)

// registerAgain registers what is not there. Where one node of a call is
// refused, the others are sent again without it.
func (r *Redis) registerAgain(ctx context.Context, c *conn, tasks []*task) {
	began := time.Now()
	var nodes []*node
	for _, t := range tasks {
		nodes = append(nodes, t.again...)
	}
	var err error
	if len(nodes) > 0 {
		r.actors.wake(r.actors.listings) // what lost the nodes may have lost the catalogues
	}
	for len(nodes) > 0 {
		err = r.put(ctx, c, nodes)
		left := r.missing(nodes, began)
		if len(left) == len(nodes) {
			break
		}
		nodes = left
	}
	for _, t := range tasks {
		if t.err == nil && len(r.missing(t.again, began)) > 0 {
			t.err = err
		}
	}
}

// missing returns the nodes that were neither registered nor refused since.
func (r *Redis) missing(nodes []*node, since time.Time) []*node {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(nodes), func(n *node) bool {
		return n.over() || n.confirmed && !n.trusted.Before(since.Add(n.ttl))
	})
}

// sayGoodbyes delivers the goodbyes that are due.
func (r *Redis) sayGoodbyes(ctx context.Context, c *conn, tasks []*task) {
	var farewells []*farewell
	byFarewell := map[*farewell]*task{}
	for _, t := range tasks {
		for _, g := range t.goodbyes {
			f := &farewell{service: t.batch.service, by: g.by, leases: []lua.Lease{g.lease}}
			farewells, byFarewell[f] = append(farewells, f), t
		}
	}
	if len(farewells) == 0 {
		return
	}
	r.deregister(ctx, c, farewells)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range farewells {
		t := byFarewell[f]
		t.err = cmp.Or(t.err, f.err)
		if f.err == nil {
			t.batch.goodbyes = slices.DeleteFunc(t.batch.goodbyes, func(g goodbye) bool { return g.lease == f.leases[0] })
		}
	}
}

// schedule says when each batch is due next, and what could not be renewed for
// a whole TTL is lost: callers do not see it any more.
func (r *Redis) schedule(c *conn, tasks []*task, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range tasks {
		b := t.batch
		b.verdict = unasked
		if t.err == nil {
			b.backoff.Reset()
			b.due = now.Add(shortened(b.key.interval))
		} else {
			b.due = now.Add(b.backoff.NextBackOff())
			c.o.Logger.Warn().Err(classify(t.err)).Str("namespace", b.service.namespace).Str("service", b.service.name).
				Int("nodes", len(b.nodes)).Dur("retry_in", b.due.Sub(now)).Msg("rollcall: renewal failed")
			for _, n := range b.nodes {
				switch {
				case n.state != Live:
				case n.trusted.Before(now):
					r.become(c, n, Lost, errLost(n.ttl, t.err))
				default: // a last try, and then the loss is told without delay
					b.due = earlier(b.due, n.trusted.Add(together))
				}
			}
		}
		for _, g := range b.goodbyes {
			if g.from.After(now) {
				b.due = earlier(b.due, g.from)
			}
		}
		b.service.tidy(b)
		r.tidy(b.service)
	}
}

// shortened is an interval less a random tenth at most, so that registries that
// started together do not stay together. It is never longer.
func shortened(interval time.Duration) time.Duration {
	return interval - rand.N(interval/10+1)
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
