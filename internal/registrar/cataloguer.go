package registrar

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/actor"
	"github.com/rollcall-go/rollcall/internal/logs"
	"github.com/rollcall-go/rollcall/internal/lua"
	"github.com/rollcall-go/rollcall/internal/redisconn"
)

// The catalogues are in other cluster slots than the nodes, so an entry is written before a
// registration and stays after the last one: readers take them as a superset.
const (
	refreshEvery = 30 * time.Second
	forgetAfter  = 7 * 24 * time.Hour
)

// A cataloguer keeps the entries of what is registered here fresh.
type cataloguer struct {
	*book
	listing logs.Trouble // the catalogues are not refreshed
}

// run is its goroutine. It also reads how Redis evicts, until that succeeds.
func (r *cataloguer) run(ctx context.Context) {
	known := false
	for {
		if !known {
			limited, cancel := r.c.Bound(ctx)
			known = r.c.WarnEviction(limited)
			cancel()
		}
		r.listings.Until(ctx, time.Now().Add(actor.Shortened(refreshEvery)))
		if ctx.Err() != nil {
			return
		}
		limited, cancel := r.c.Bound(ctx)
		present := r.present(time.Now())
		if len(present) == 0 { // nothing is left to refresh
			r.left("lists")
			r.listing.Recovered("")
		}
		r.announce(limited, present)
		cancel()
	}
}

// present returns the nodes that are or may come back, and forgets those that their
// callers renew no more: a manual node is over a TTL after its last Register, whatever
// came of that, and forgotten another TTL later.
func (r *cataloguer) present(now time.Time) (nodes []*node) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.services {
		maps.DeleteFunc(s.listed, func(_ string, at time.Time) bool { return now.Sub(at) > 2*refreshEvery })
		for _, n := range s.nodes {
			end := n.calledAt.Add(n.ttl)
			ended := n.manual && n.calls == 0 && end.Before(now)
			switch {
			case n.Over():
			case !ended:
				nodes = append(nodes, n)
			case end.Add(n.ttl).Before(now):
				r.forget(n)
				r.tidied(s)
				defer r.logChanges()
			}
		}
	}
	return nodes
}

// unlisted returns the nodes whose versions are not entered in the catalogues, or were not
// kept fresh there by the cataloguer. A change of a node, and a new node of a version that
// others have, cost no call to them.
func (r *cataloguer) unlisted(nodes []*node) []*node {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(nodes), func(n *node) bool {
		return time.Since(n.service.listed[n.version]) < 2*refreshEvery
	})
}

// announce enters nodes in the catalogues, within a third of ctx's time. It logs failures.
func (r *cataloguer) announce(ctx context.Context, nodes []*node) {
	if len(nodes) == 0 {
		return
	}
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(deadline)/3)
		defer cancel()
	}
	began := time.Now()
	entries := make([]lua.Entry, len(nodes)) // as they are entered: a Register may change them meanwhile
	r.mu.Lock()
	for i, n := range nodes {
		entries[i] = lua.Entry{Service: n.service.keys, Version: n.version}
	}
	r.mu.Unlock()
	err := lua.Announce(ctx, r.c, lua.Catalogued(r.c.Space, forgetAfter, entries)...)
	if errors.Is(err, context.Canceled) {
		return // by Close
	}
	if err != nil {
		r.c.Reload(ctx)
		r.c.Attempted("lists", err)
		if redisconn.IsOutage(err) {
			return // it has its own lines
		}
		err = redisconn.Classify(err)
		r.c.Log.Troubled(&r.listing, "", "rollcall: the lists of services and namespaces are not refreshed: ListServices and namespace * may miss entries until redis accepts writes again",
			func(e *zerolog.Event) { e.Err(err) })
		return
	}
	r.c.Attempted("lists", nil)
	r.c.Log.Well(&r.listing, "", "rollcall: the lists of services and namespaces are refreshed again")
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, n := range nodes {
		n.service.listed[entries[i].Version] = began
	}
}
