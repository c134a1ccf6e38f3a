package views

import (
	"time"

	"github.com/rollcall-go/rollcall/internal/listed"
	"github.com/rollcall-go/rollcall/registry"
)

// A View shows the nodes of a service at one moment. It never changes.
type View struct {
	Name    listed.Name
	Members []*Member
	Nodes   []*registry.Node // of Members
	Ready   []*registry.Node // those of Nodes that may be picked
	sound   bool             // no node is withdrawn or ejected

	Revision   uint64
	History    string
	StaleSince time.Time // zero: it is live
	Err        error     // why it is stale
	Held       []string  // see registry.View

	RefusedSince time.Time
	Refused      error

	Guarded []string  // IDs of nodes that are kept though their leases ended
	Saved   time.Time // when it was last known to be true, if it was read from a file

	Versions func() map[*registry.Node]*registry.Service // of all nodes of the service
}

// Live says whether every change of the service shows in the view.
func (v *View) Live() bool { return v.StaleSince.IsZero() }

// Age returns how long ago contact was lost.
func (v *View) Age() time.Duration {
	if v.Live() {
		return 0
	}
	return time.Since(v.StaleSince)
}

func versionsOf(services []*registry.Service) map[*registry.Node]*registry.Service {
	of := map[*registry.Node]*registry.Service{}
	for _, s := range services {
		for _, n := range s.Nodes {
			of[n] = s
		}
	}
	return of
}

func nodesOf(members []*Member) []*registry.Node {
	nodes := make([]*registry.Node, len(members))
	for i, m := range members {
		nodes[i] = m.Node
	}
	return nodes
}
