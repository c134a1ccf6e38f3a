package discovery

import (
	"slices"

	"github.com/rollcall-go/rollcall/registry"
)

// A table is what picks go by: a view, and the sets of nodes that selections have
// left of it so far. Where anything changes, a new table takes its place.
type table struct {
	o     *options
	view  *View
	every *set // of the empty selection
	seen  bool // the service has existed since it is followed
	sets  cache[selection, *set]
}

// A set is what one selection leaves of a view.
type set struct {
	view    *View     // narrowed
	members []*member // those that may be called
	own     picker    // of the resolver's balancer
	pickers cache[Balancer, picker]
}

func newTable(v *View, o *options) *table {
	t := &table{o: o, view: v}
	t.every = t.of(*v, "")
	t.view = t.every.view
	return t
}

// set returns the set of a question.
func (t *table) set(q *question) *set {
	if !q.narrow {
		return t.every
	}
	return t.sets.get(q.selection, func() *set { return t.choose(&q.selection) })
}

// picker returns what picks among the members by a balancer; nil is the resolver's.
func (t *set) picker(b Balancer) picker {
	if b == nil {
		return t.own
	}
	return t.pickers.get(b, func() picker { return b.picker(t.members) })
}

// choose works out the set of a selection. It calls the filter of a user: no mutex is
// held.
func (t *table) choose(s *selection) *set {
	v := *t.view
	v.members = slices.DeleteFunc(slices.Clone(v.members), func(m *member) bool { return !s.matches(m) })
	v.nodes = nodesOf(v.members)
	return t.of(v, s.zone)
}

// of makes the set of a view that is narrowed already.
func (t *table) of(v View, zone string) *set {
	c := &set{view: &v, members: t.callable(v.members, zone)}
	v.ready = nodesOf(c.members)
	if len(c.members) > 0 {
		c.own = t.o.balancer.picker(c.members)
	}
	return c
}

// callable are the members that calls should go to: never those with NoTraffic, nor
// those that drain or are ejected as long as there are others, of the zone if enough
// of them are left there, and no more of them than the subset.
func (t *table) callable(members []*member, zone string) []*member {
	open := slices.DeleteFunc(slices.Clone(members), (*member).noTraffic)
	up := slices.DeleteFunc(slices.Clone(open), (*member).withdrawn)
	if len(up) == 0 {
		up = open
	}
	in := slices.DeleteFunc(slices.Clone(up), func(m *member) bool { return m.state.health.ejected() })
	if len(in) == 0 {
		in = up
	}
	if zone != "" {
		elsewhere := func(m *member) bool { return m.Zone != zone }
		near := slices.DeleteFunc(slices.Clone(in), elsewhere)
		if all := slices.DeleteFunc(slices.Clone(members), elsewhere); len(near) > 0 && 2*len(near) >= len(all) {
			in = near
		}
	}
	return subset(in, t.o.subset, t.o.identity)
}

func nodesOf(members []*member) []*registry.Node {
	nodes := make([]*registry.Node, len(members))
	for i, m := range members {
		nodes[i] = m.Node
	}
	return nodes
}
