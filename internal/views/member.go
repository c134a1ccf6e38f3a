package views

import (
	"sync/atomic"
	"time"

	"github.com/rollcall-go/rollcall/internal/balance"
	"github.com/rollcall-go/rollcall/internal/ejection"
	"github.com/rollcall-go/rollcall/registry"
)

// A Member is a node of a view. It never changes: views share it, as long as the node, its
// weight and what calls ask of its version stay the same.
type Member struct {
	*registry.Node
	version *version
	weight  float64 // its share of the calls: over 0, or 0 with NoTraffic
	state   *state
}

// A version is what calls ask of the version of a node.
type version struct {
	namespace, name string
	metadata        map[string]string
}

// A state is what calls to a node have shown. It outlives views: it belongs to an ID at an
// address.
type state struct {
	load     balance.Load // a call reads and writes the first 64 bytes
	answered atomic.Int64 // when a call succeeded last, by the hub's tick; 0: never
	ejection ejection.Node
	since    time.Time // when the node came; zero: it was there when the service was first seen
}

type nodeKey struct{ id, address string }

// weightOf returns the share of the calls that a node asks for.
func weightOf(n *registry.Node) float64 {
	switch {
	case n.Weight == registry.NoTraffic:
		return 0
	case n.Weight <= 0:
		return registry.DefaultWeight
	}
	return float64(n.Weight)
}

// noTraffic says whether no call may go to the node, also where no other is left.
func (m *Member) noTraffic() bool { return m.weight == 0 }

// Withdrawn says whether the node itself asks for calls to go to others, as long as there
// are others. Such a node is not ejected.
func (m *Member) Withdrawn() bool { return m.noTraffic() || m.Status == registry.Draining }

// Ejected says whether the node gets no calls because they fail.
func (m *Member) Ejected() bool { return m.state.ejection.Ejected() }

// Namespace returns that of the service, as the source names it.
func (m *Member) Namespace() string { return m.version.namespace }

// UnderWay returns how many calls to the node are under way, of those that are counted.
func (m *Member) UnderWay() int64 { return m.state.load.UnderWay() }

// Fails returns how many calls to the node have failed in a row.
func (m *Member) Fails() int64 { return m.state.ejection.Fails() }

// Same says whether two members are the same node at the same address, in two views.
func (m *Member) Same(o *Member) bool { return m.state == o.state }

// candidates returns members as a Picker wants them.
func candidates(members []*Member) []balance.Member {
	all := make([]balance.Member, len(members))
	for i, m := range members {
		all[i] = balance.Member{ID: &m.ID, Weight: m.weight, Load: &m.state.load}
	}
	return all
}

// PickOf picks one of some members, for a single call.
func PickOf(members []*Member, p balance.Policy) *Member {
	return members[p.Picker(candidates(members)).Pick(0)]
}
