package registry

import (
	"cmp"
	"slices"
	"time"

	"github.com/rollcall-go/rollcall/internal/lifecycle"
)

// Stats are the state of a registry at one moment, for a program that shows it or collects
// metrics. Events, which Observe delivers, say what has happened.
type Stats struct {
	// OutageSince is when contact with Redis was lost, by the clock of this process. It is
	// zero while there is contact, and until the first attempt has failed.
	OutageSince time.Time

	// Nodes counts the nodes that are registered here, by namespace, service and state, in
	// this order. Nodes that are Pending are not counted.
	Nodes []NodeStats
}

// NodeStats counts the nodes of a service that are in a state.
type NodeStats struct {
	Namespace, Service string
	State              State
	Nodes              int // over 0
}

// Stats returns the state of the registry, without a call to Redis. After Close it returns
// ErrClosed.
func (r *Redis) Stats() (Stats, error) {
	if !r.made() {
		return Stats{}, failure("stats", "", "", errNotMade)
	}
	r.mu.Lock()
	c, closed := r.conn, r.closed
	r.mu.Unlock()
	switch {
	case closed:
		return Stats{}, failure("stats", "", "", ErrClosed)
	case c == nil:
		return Stats{}, nil
	}
	s := Stats{OutageSince: c.OutageSince()}
	for k, counts := range c.registrar.States() {
		for state, n := range counts {
			if n > 0 {
				s.Nodes = append(s.Nodes, NodeStats{k.Namespace(), k.Name(), State(lifecycle.State(state)), n})
			}
		}
	}
	slices.SortFunc(s.Nodes, func(a, b NodeStats) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Service, b.Service), cmp.Compare(a.State, b.State))
	})
	return s, nil
}
