package views

import (
	"cmp"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rollcall-go/rollcall/internal/actor"
	"github.com/rollcall-go/rollcall/internal/balance"
	"github.com/rollcall-go/rollcall/internal/ejection"
	"github.com/rollcall-go/rollcall/registry"
)

// A Member is a node of a view.
type Member struct {
	*registry.Node
	Version *registry.Service // its version, as the source describes it
	weight  float64           // its share of the calls: over 0, or 0 with NoTraffic
	state   *state
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

// A crew is the members of the newest view. A change of the service costs what changed, but
// for a pass over the list.
type crew []Member

// next returns the members of the next view, in its order. They keep the states of nodes
// that are the same, by their pointers or else by their keys.
func (c crew) next(services []*registry.Service, fresh func() *state) crew {
	n := 0
	for _, version := range services {
		n += len(version.Nodes)
	}
	members, old := make(crew, 0, n), c
	var added []int // members without a state
	gone := map[nodeKey]*state{}
	for _, version := range services {
		for _, node := range version.Nodes {
			for len(old) > 0 && old[0].Node != node && before(&old[0], version, node) {
				gone[keyOf(old[0].Node)], old = old[0].state, old[1:]
			}
			m := Member{Node: node, Version: version}
			if len(old) > 0 && old[0].Node == node {
				m.state, old = old[0].state, old[1:]
			} else {
				added = append(added, len(members))
			}
			members = append(members, m)
		}
	}
	for i := range old {
		gone[keyOf(old[i].Node)] = old[i].state
	}
	for _, i := range added {
		m := &members[i]
		if m.state = gone[keyOf(m.Node)]; m.state == nil {
			m.state = fresh()
		}
	}
	return members
}

// before says whether a member comes before a node of a version, in the order of views.
func before(m *Member, version *registry.Service, n *registry.Node) bool {
	return cmp.Or(strings.Compare(m.Version.Version, version.Version), strings.Compare(m.ID, n.ID)) < 0
}

func keyOf(n *registry.Node) nodeKey { return nodeKey{n.ID, n.Address} }

// members returns the members of the next view with their weights, and when a weight
// changes next. mu is held.
func (s *Service) members(services []*registry.Service, now time.Time) (members []*Member, next time.Time) {
	first := s.table.Load() == nil
	s.crew = s.crew.next(services, func() *state {
		st := &state{}
		st.load.Init(&s.bounded)
		if !first {
			st.since = now
		}
		return st
	})
	members = make([]*Member, len(s.crew))
	for i := range s.crew {
		m := &s.crew[i]
		members[i], m.weight = m, weightOf(m.Node)
		if s.hub.c.SlowStart > 0 {
			share, later := balance.Warmth(now.Sub(m.state.since), s.hub.c.SlowStart)
			if m.weight *= share; later > 0 {
				next = actor.Sooner(next, now.Add(later))
			}
		}
	}
	return members, next
}
