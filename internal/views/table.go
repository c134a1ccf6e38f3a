package views

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/rollcall-go/rollcall/internal/balance"
	"github.com/rollcall-go/rollcall/internal/memo"
)

// A Table is what picks read: the set of all nodes, and the sets that selections have left of
// it so far. If anything changes, a new table takes its place.
type Table struct {
	Set   // of the empty selection
	c     *Config
	known bool // the service has existed since it is followed
	sets  memo.Memo[Selection, *Set]

	before atomic.Pointer[Table] // the newest older one with sets, for members that have stayed the same; or nil
}

// A Set is what one selection leaves of a view. A pick reads its first 64 bytes.
type Set struct {
	Members []*Member      // those that may be called
	own     balance.Picker // of policy
	made    atomic.Bool    // own is, for good
	View    *View          // narrowed
	Public  any            // what Config.Public made of the view
	policy  balance.Policy
	making  sync.Mutex
	pickers memo.Memo[balance.Policy, balance.Picker]
}

// newTable makes the table of a view, which takes the place of another one; nil: of none.
func newTable(v *View, c *Config, old *Table) *Table {
	t := &Table{c: c}
	t.fill(c, *v, "")
	if old != nil && old.sets.Empty() {
		old = old.before.Load()
	}
	if old != nil {
		t.before.Store(old)
		old.before.Store(nil) // one is kept, not all
	}
	return t
}

// Unknown says whether the service has never existed.
func (t *Table) Unknown() bool { return !t.known && t.View.History == "" && len(t.View.Nodes) == 0 }

// Select returns the set of a selection.
func (t *Table) Select(s *Selection) *Set {
	return t.sets.Get(*s, func() (*Set, int) {
		set := t.narrow(s)
		if set == &t.Set {
			return set, 0
		}
		return set, len(set.View.Members)
	})
}

// Pick picks one of the members, of which there is at least one, by the policy of the Config.
func (s *Set) Pick(key uint64) *Member {
	if !s.made.Load() {
		s.makeOwn()
	}
	return s.Members[s.own.Pick(key)]
}

// makeOwn makes own, once: at the first pick, so that many changes between two picks cost one
// Picker. Picks that come while it is made wait for it.
func (s *Set) makeOwn() {
	s.making.Lock()
	defer s.making.Unlock()
	if !s.made.Load() {
		s.own = s.policy.Picker(candidates(s.Members))
		s.made.Store(true)
	}
}

// PickBy picks one of the members by a policy; nil is the one of the Config.
func (s *Set) PickBy(p balance.Policy, key uint64) *Member {
	if p == nil {
		return s.Pick(key)
	}
	picker := s.pickers.Get(p, func() (balance.Picker, int) { return p.Picker(candidates(s.Members)), len(s.Members) })
	return s.Members[picker.Pick(key)]
}

// narrow makes the set of a selection; where that leaves no node out, it is the set of all. It
// calls the filter of a user: no mutex is held.
func (t *Table) narrow(s *Selection) *Set {
	matches := s.Matches
	if old := t.before.Load(); old != nil {
		if set := old.sets.Known(*s); set != nil {
			matches = remembered(old.View.Members, set.View.Members, s.Matches)
		}
	}
	v, all := *t.View, true
	for i, m := range t.View.Members {
		switch does := matches(m); {
		case !does && all:
			all = false
			v.Members = slices.Clone(v.Members[:i])
		case does && !all:
			v.Members = append(v.Members, m)
		}
	}
	switch {
	case all && s.Zone == "":
		return &t.Set
	case !all:
		v.Nodes = nodesOf(v.Members)
	}
	set := &Set{}
	set.fill(t.c, v, s.Zone)
	return set
}

// remembered returns matches for the members of a view, each of which it is asked about once
// and in their order. all are those of an older view, and matched those of them that did: a
// member that has stayed the same does so still.
func remembered(all, matched []*Member, matches func(*Member) bool) func(*Member) bool {
	return func(m *Member) bool {
		for len(all) > 0 {
			old := all[0]
			if old != m && m.before(old.version, old.Node) {
				break
			}
			all = all[1:]
			did := len(matched) > 0 && matched[0] == old
			if did {
				matched = matched[1:]
			}
			if old == m {
				return did
			}
		}
		return matches(m)
	}
}

// fill makes the set of a view that is narrowed already.
func (s *Set) fill(c *Config, v View, zone string) {
	s.View, s.Members = &v, callable(c, &v, zone)
	v.Ready = v.Nodes
	if len(s.Members) < len(v.Members) || c.Subset > 0 {
		v.Ready = nodesOf(s.Members)
	}
	s.Public = c.Public(&v)
	if s.policy = c.Balance; len(s.Members) > 0 && s.policy.Slow() {
		s.makeOwn()
	}
}

// callable returns the members that calls should go to: never those with NoTraffic, nor
// those that drain or are ejected as long as there are others; of the zone if enough of them
// are left there; and no more of them than the subset.
func callable(c *Config, v *View, zone string) []*Member {
	members, in := v.Members, v.Members
	if !v.sound {
		in = without(members, func(m *Member) bool { return m.Withdrawn() || m.Ejected() })
	}
	if len(in) == 0 {
		in = without(members, (*Member).Withdrawn)
	}
	if len(in) == 0 {
		in = without(members, func(m *Member) bool { return m.noTraffic() || m.Ejected() })
	}
	if len(in) == 0 {
		in = without(members, (*Member).noTraffic)
	}
	if zone != "" {
		elsewhere := func(m *Member) bool { return m.Zone != zone }
		near, all := without(in, elsewhere), without(members, elsewhere)
		if len(near) > 0 && 2*len(near) >= len(all) {
			in = near
		}
	}
	return subset(c, in)
}

// without returns the members that are not out: the same slice if none is.
func without(members []*Member, out func(*Member) bool) []*Member {
	first := slices.IndexFunc(members, out)
	if first < 0 {
		return members
	}
	return slices.DeleteFunc(slices.Clone(members), out)
}

// subset returns the members that this process calls.
func subset(c *Config, members []*Member) []*Member {
	if c.Subset == 0 || c.Subset >= len(members) {
		return members
	}
	ids := make([]string, len(members))
	for i, m := range members {
		ids[i] = m.ID
	}
	chosen := make([]*Member, c.Subset)
	for i, at := range balance.Subset(ids, c.Subset, c.Identity) {
		chosen[i] = members[at]
	}
	return chosen
}
