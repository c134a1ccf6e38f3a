package discovery

import (
	"cmp"
	"slices"
	"time"

	"github.com/rollcall-go/rollcall/registry"
)

// ServiceStats are the state of a service at one moment, and what has happened since the
// Resolver follows it.
type ServiceStats struct {
	Namespace, Service string
	Since              time.Time // when the Resolver began to follow it: what it counts begins then

	// As View has them.
	Nodes, Ready, Held, Guarded int
	StaleSince, RefusedSince    time.Time
	Saved                       bool // the view is of a file

	Ejected int // nodes that get no calls because they fail

	Calls     uint64 // begun since the first call of Stats: by Pick, Do and all that use them, each try counted
	Failed    uint64 // calls that failed by the fault of the node, as Classify says
	Retries   uint64 // further tries of Do, Transport, DialContext and the Hertz middleware
	Denied    uint64 // further tries that the RetryBudget did not allow
	NoNodes   uint64 // picks that ended with ErrNoNodes
	Ejections uint64 // of nodes, each time anew
	Views     uint64 // so often has the view changed: its nodes or its health
}

// Stats returns the stats of each service that the Resolver follows and that exists, by
// namespace and name, for a program that shows them or collects metrics. Package metrics does.
// The counts of a service that was let go after IdleTimeout begin anew with its next call.
// After Close it returns ErrClosed.
//
// Calls are counted from the first Stats on. Until then a call costs nothing more, and later
// a few nanoseconds.
func (r *Resolver) Stats() ([]ServiceStats, error) {
	if r.err != nil {
		return nil, r.failure("stats", "", "", r.err)
	}
	if r.hub.Closed() {
		return nil, r.failure("stats", "", "", registry.ErrClosed)
	}
	followed, own := r.hub.Stats(), r.namespace("")
	all := make([]ServiceStats, len(followed))
	for i, s := range followed {
		v, c := s.View, s.Tally
		all[i] = ServiceStats{
			Namespace: cmp.Or(s.Name.Namespace, own), Service: s.Name.Service, Since: s.Since,
			Nodes: len(v.Nodes), Ready: len(v.Ready), Held: len(v.Held), Guarded: len(v.Guarded),
			StaleSince: v.StaleSince, RefusedSince: v.RefusedSince, Saved: !v.Saved.IsZero(),
			Calls: s.Calls, Failed: c.Failed.Load(), Retries: c.Retries.Load(), Denied: c.Denied.Load(),
			NoNodes: c.NoNodes.Load(), Ejections: c.Ejections.Load(), Views: c.Views.Load(),
		}
		for _, m := range v.Members {
			if m.Ejected() {
				all[i].Ejected++
			}
		}
	}
	slices.SortFunc(all, func(a, b ServiceStats) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Service, b.Service))
	})
	return all, nil
}
