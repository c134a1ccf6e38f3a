package views

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-go/rollcall/internal/actor"
	"github.com/rollcall-go/rollcall/internal/balance"
	"github.com/rollcall-go/rollcall/registry"
)

// A crew is the members of the newest view, and their nodes. A change of the service costs
// what changed, and a copy of the list.
type crew struct {
	members   []*Member
	nodes     []*registry.Node // of the members
	versions  []*version
	ends      []int // of the members of each version
	withdrawn int   // how many members are
}

// next returns the crew of the next view, in its order. Its members keep the states of nodes
// that are the same, by their pointers or else by their keys.
func (c crew) next(services []*registry.Service, fresh func() *state) crew {
	next := crew{nodes: nodesIn(services), versions: c.describe(services), withdrawn: c.withdrawn}
	next.members = make([]*Member, 0, len(next.nodes))
	var added []*Member // without a state
	gone := map[nodeKey]*state{}
	old := 0
	leave := func() {
		gone[keyOf(c.nodes[old])] = c.members[old].state
		if c.members[old].Withdrawn() {
			next.withdrawn--
		}
		old++
	}
	for i, service := range services {
		version, nodes := next.versions[i], service.Nodes
		for len(nodes) > 0 {
			node := nodes[0]
			for old < len(c.nodes) && c.nodes[old] != node && c.members[old].before(version, node) {
				leave()
			}
			if n := c.same(old, version, nodes); n > 0 {
				next.members = append(next.members, c.members[old:old+n]...)
				old, nodes = old+n, nodes[n:]
				continue
			}
			m := &Member{Node: node, version: version, weight: weightOf(node)}
			if old < len(c.nodes) && c.nodes[old] == node {
				m.state = c.members[old].state
				old++
			} else if added = append(added, m); m.Withdrawn() {
				next.withdrawn++
			}
			next.members, nodes = append(next.members, m), nodes[1:]
		}
		next.ends = append(next.ends, len(next.members))
	}
	for old < len(c.nodes) {
		leave()
	}
	for _, m := range added {
		if m.state = gone[keyOf(m.Node)]; m.state == nil {
			m.state = fresh()
		}
	}
	return next
}

// same returns how many members, from the old one on, are those of the first nodes of a version.
// It reads no member: they are copied at once, and most stay outside the caches.
func (c crew) same(old int, v *version, nodes []*registry.Node) (n int) {
	of, _ := slices.BinarySearch(c.ends, old+1)
	if of == len(c.ends) || c.versions[of] != v {
		return 0
	}
	rest := c.nodes[old:c.ends[of]]
	for n < len(nodes) && n < len(rest) && rest[n] == nodes[n] {
		n++
	}
	return n
}

// nodesIn returns the nodes of the versions of a service: those of the only one as they are.
func nodesIn(services []*registry.Service) []*registry.Node {
	if len(services) == 1 {
		return slices.Clip(services[0].Nodes)
	}
	var nodes []*registry.Node
	for _, s := range services {
		nodes = append(nodes, s.Nodes...)
	}
	return nodes
}

// describe returns the versions of services: those of the crew that are still the same.
func (c crew) describe(services []*registry.Service) []*version {
	versions := make([]*version, len(services))
	for i, s := range services {
		versions[i] = &version{s.Namespace, s.Version, s.Metadata}
		if same := slices.IndexFunc(c.versions, versions[i].equal); same >= 0 {
			versions[i] = c.versions[same]
		}
	}
	return versions
}

func (v *version) equal(o *version) bool {
	return v.name == o.name && v.namespace == o.namespace && maps.Equal(v.metadata, o.metadata)
}

// before says whether a member comes before a node of a version, in the order of views.
func (m *Member) before(v *version, n *registry.Node) bool {
	return cmp.Or(strings.Compare(m.version.name, v.name), strings.Compare(m.ID, n.ID)) < 0
}

func keyOf(n *registry.Node) nodeKey { return nodeKey{n.ID, n.Address} }

// enlist makes the crew that of the next view, and returns when a weight changes next. mu is
// held.
func (s *Service) enlist(services []*registry.Service, now time.Time) (next time.Time) {
	first := s.table.Load() == nil
	s.crew = s.crew.next(services, func() *state {
		st := &state{}
		st.load.Init(&s.bounded)
		if !first {
			st.since = now
		}
		return st
	})
	if s.hub.c.SlowStart > 0 {
		for i, m := range s.crew.members {
			share, later := balance.Warmth(now.Sub(m.state.since), s.hub.c.SlowStart)
			if weight := share * weightOf(m.Node); weight != m.weight {
				warmer := *m
				warmer.weight = weight
				s.crew.members[i] = &warmer
			}
			if later > 0 {
				next = actor.Sooner(next, now.Add(later))
			}
		}
	}
	return next
}
