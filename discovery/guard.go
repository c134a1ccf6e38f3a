package discovery

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-go/rollcall/registry"
)

// A guard doubts that nodes died because their leases ran out: perhaps they lost Redis
// while they serve. It tells losses by registry.View.Lapsed, so a node that deregisters
// leaves at once. It keeps a node as it was last known, for three reasons:
//
// Many ran out at once. A window opens when a node is found to have run out of its
// lease while no window is open, and lasts one TTL of that node. Of the nodes that stood
// just before, so many may run out in it: the share of them, and at least two. Each
// further one is kept for one TTL after it was found.
//
// It answers. A node to which calls succeed is kept for one TTL after the last one that
// did, unless its calls fail now.
//
// It is one of the last. Where nothing else is left of a service that had two nodes or
// more, and none of them has deregistered since, those that were shown last are kept for
// as long as their calls do not fail: if nobody calls them, without end.
//
// No node is kept longer than its absence, which begins when it runs out, and ends when
// it is back. A node that was not kept when its absence began, or not any more, is not
// kept later in it. A stale view lets no node go: those that are kept cannot register.
//
// It has no timer: step says when to call it next.
type guard struct {
	share  float64         // 0: off
	before *registry.View  // of the last step
	stood  map[string]bool // in it, and has not run out since: while a step judges
	absent map[string]*absence
	window window
	most   int // how many nodes there have been since one deregistered
}

type window struct {
	end   time.Time
	stood map[string]bool // when it opened
	out   map[string]bool // of those, who has run out since
}

// An absence is that of a node, from one Lapse on.
type absence struct {
	registry.Lapse
	doubted bool // too many ran out with it
	kept    bool
}

// What calls say of a node: when the last one succeeded, zero for never, and whether
// they fail now.
type calls func(*registry.Node) (answered time.Time, failing bool)

// What a guard makes of a view.
type guarded struct {
	services []*registry.Service // to show
	ids      []string            // of those that are kept, in order
	next     time.Time           // when the next of them goes; zero: not by time
}

// step takes the view as it stands now. The same view may come again.
func (g *guard) step(v *registry.View, calls calls, now time.Time) guarded {
	lapsed := g.lapsed(v, now)
	g.count(v, lapsed)
	if g.share == 0 || len(lapsed) == 0 {
		g.before, g.absent = v, nil
		return guarded{services: v.Services}
	}
	if g.before == nil { // who ran out before the first view stood before it
		g.stood = idsIn(v)
		for _, l := range lapsed {
			g.stood[idOf(l)] = true
		}
	} else {
		g.stood = idsIn(g.before)
	}
	absent := map[string]*absence{}
	var kept, last []*absence // last: that go now, and whose calls do not fail
	out := guarded{}
	for _, l := range lapsed {
		a := g.absent[idOf(l)]
		shown, fresh := g.stood[idOf(l)] || a != nil && a.kept, a == nil || !a.Time.Equal(l.Time)
		if fresh {
			a = &absence{Lapse: l, doubted: g.doubts(l), kept: true}
		}
		absent[idOf(l)] = a
		var end time.Time
		if a.doubted {
			end = l.Time.Add(l.Service.TTL)
		}
		answered, failing := calls(l.Service.Nodes[0])
		if until := answered.Add(l.Service.TTL); !answered.IsZero() && !failing && until.After(end) {
			end = until
		}
		switch a.kept = a.kept && (end.After(now) || !fresh && !v.StaleSince.IsZero()); {
		case a.kept:
			kept = append(kept, a)
			if v.StaleSince.IsZero() {
				out.next = sooner(out.next, end)
			}
		case shown && !failing:
			last = append(last, a)
		}
	}
	if len(v.Services) == 0 && len(kept) == 0 && g.most >= 2 {
		for _, a := range last {
			a.kept = true
		}
		kept = last
	}
	g.before, g.stood, g.absent = v, nil, absent
	for _, a := range kept {
		out.ids = append(out.ids, idOf(a.Lapse))
	}
	slices.Sort(out.ids)
	out.services = merge(v.Services, kept)
	return out
}

// lapsed returns the absences of a view in their order, and those that the source has
// forgotten, which it does after a TTL, of nodes that are kept. One that registered and
// deregistered since, between two views, looks the same.
func (g *guard) lapsed(v *registry.View, now time.Time) []registry.Lapse {
	all := slices.Clone(v.Lapsed)
	var back map[string]bool // or told of
	for id, a := range g.absent {
		if !a.kept || a.Time.Add(a.Service.TTL).After(now) {
			continue
		}
		if back == nil {
			back = idsIn(v)
			for _, l := range v.Lapsed {
				back[idOf(l)] = true
			}
		}
		if !back[id] {
			all = append(all, a.Lapse)
		}
	}
	slices.SortFunc(all, func(a, b registry.Lapse) int {
		return cmp.Or(a.Time.Compare(b.Time), strings.Compare(idOf(a), idOf(b)))
	})
	return all
}

// count keeps most.
func (g *guard) count(v *registry.View, lapsed []registry.Lapse) {
	fresh := 0 // of the lapsed
	for _, l := range lapsed {
		if a := g.absent[idOf(l)]; a == nil || !a.Time.Equal(l.Time) {
			fresh++
		}
	}
	live := size(v)
	if g.before != nil && live+fresh < size(g.before) { // one has deregistered
		g.most = live + fresh
	}
	g.most = max(g.most, live+fresh)
}

func size(v *registry.View) (nodes int) {
	for _, s := range v.Services {
		nodes += len(s.Nodes)
	}
	return nodes
}

// idsIn are the nodes of a view.
func idsIn(v *registry.View) map[string]bool {
	ids := map[string]bool{}
	for _, s := range v.Services {
		for _, n := range s.Nodes {
			ids[n.ID] = true
		}
	}
	return ids
}

// doubts counts a node that ran out, and tells whether that is too much to believe.
func (g *guard) doubts(l registry.Lapse) bool {
	id := idOf(l)
	if !g.stood[id] { // it came and went unseen
		return false
	}
	if !l.Time.Before(g.window.end) {
		g.window = window{end: l.Time.Add(l.Service.TTL), stood: maps.Clone(g.stood), out: map[string]bool{}}
	}
	delete(g.stood, id)
	w := &g.window
	if !w.stood[id] {
		return false
	}
	w.out[id] = true
	return float64(len(w.out)) > max(2, g.share*float64(len(w.stood)))
}

func idOf(l registry.Lapse) string { return l.Service.Nodes[0].ID }

// merge lays nodes that are kept among those of the view, which stays as it is.
func merge(services []*registry.Service, kept []*absence) []*registry.Service {
	if len(kept) == 0 {
		return services
	}
	services = slices.Clone(services)
	own := map[string]*registry.Service{} // copies, by version
	for i, s := range services {
		c := *s
		c.Nodes = slices.Clone(s.Nodes)
		services[i], own[s.Version] = &c, &c
	}
	for _, l := range kept {
		s := own[l.Service.Version]
		if s == nil {
			c := *l.Service
			c.Nodes = nil
			s = &c
			own[s.Version], services = s, append(services, s)
		}
		s.Nodes = append(s.Nodes, l.Service.Nodes[0])
	}
	for _, s := range services {
		slices.SortFunc(s.Nodes, byID)
	}
	slices.SortFunc(services, byVersion)
	return services
}
