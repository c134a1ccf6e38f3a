// Package guard keeps nodes in a view whose leases have ended although they may still
// serve. It is pure: it reads no clock and calls nothing but its Calls.
package guard

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-go/rollcall/internal/actor"
	"github.com/rollcall-go/rollcall/internal/listed"
	"github.com/rollcall-go/rollcall/registry"
)

// A Guard decides which nodes stay in a view after their leases have ended: perhaps they
// lost Redis while they serve. It learns of ended leases from registry.View.Lapsed, so a
// node that deregisters leaves at once. It keeps a node as last known, for three reasons:
//
// Too many ended at once. A window opens when a lease is found to have ended while no
// window is open. It lasts one TTL of that node. Of the nodes that were listed just before,
// a share may leave in it, and at least two. Each further one is kept for one TTL after its
// end was found.
//
// Calls to it succeed. It is kept for one TTL after the last call that succeeded, unless its
// calls fail now.
//
// It is one of the last. If nothing else is left of a service that had two nodes or more,
// and no node has deregistered since, the nodes that were shown last are kept for as long as
// calls to them do not fail.
//
// No node is kept longer than its absence, which begins when its lease ends, and ends when
// it registers again. A node that was not kept at the beginning of its absence, or that was
// given up, is not kept later in it. While a view is stale no node leaves: those that are
// kept cannot register.
//
// It has no timer: Step says when to call it next.
type Guard struct {
	Share float64 // of the nodes that may leave in a window; 0: the guard is off

	before *registry.View  // of the last step
	listed map[string]bool // in before, and not ended since; during a step
	absent map[string]*absence
	window window
	most   int // how many nodes there have been since one deregistered
}

// A window is a time in which leases end together.
type window struct {
	end    time.Time
	listed map[string]bool // when it opened
	ended  map[string]bool // of those, whose leases have ended since
}

// An absence is that of a node, from one Lapse on.
type absence struct {
	registry.Lapse
	tooMany bool // leases ended with it
	kept    bool
}

// Calls says of a node when the last call to it succeeded, zero for never, and whether its
// calls fail now.
type Calls func(*registry.Node) (answered time.Time, failing bool)

// Shown is what a Guard makes of a view.
type Shown struct {
	Services []*registry.Service // those of the view, and the nodes that are kept
	Kept     []string            // the IDs of those, in order
	Next     time.Time           // when the next of them leaves; zero: not by time
}

// Step takes the newest view. The same view may come again.
func (g *Guard) Step(v *registry.View, calls Calls, now time.Time) Shown {
	lapsed := g.lapsed(v, now)
	g.count(v, lapsed)
	if g.Share == 0 || len(lapsed) == 0 {
		g.before, g.absent = v, nil
		return Shown{Services: v.Services}
	}
	if g.before == nil { // nodes that ended before the first view were listed before it
		g.listed = idsIn(v)
		for _, l := range lapsed {
			g.listed[idOf(l)] = true
		}
	} else {
		g.listed = idsIn(g.before)
	}
	absent := map[string]*absence{}
	var kept, last []*absence // last: those that leave now, and whose calls do not fail
	out := Shown{}
	for _, l := range lapsed {
		a := g.absent[idOf(l)]
		shown, fresh := g.listed[idOf(l)] || a != nil && a.kept, a == nil || !a.Time.Equal(l.Time)
		if fresh {
			a = &absence{Lapse: l, tooMany: g.tooMany(l), kept: true}
		}
		absent[idOf(l)] = a
		var end time.Time
		if a.tooMany {
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
				out.Next = actor.Sooner(out.Next, end)
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
	g.before, g.listed, g.absent = v, nil, absent
	for _, a := range kept {
		out.Kept = append(out.Kept, idOf(a.Lapse))
	}
	slices.Sort(out.Kept)
	out.Services = merge(v.Services, kept)
	return out
}

// lapsed returns the lapses of a view by time, and those of nodes that are kept which the
// source has forgotten, as it does after a TTL. A node that registered and deregistered
// between two views looks the same.
func (g *Guard) lapsed(v *registry.View, now time.Time) []registry.Lapse {
	all := slices.Clone(v.Lapsed)
	var back map[string]bool // or in v.Lapsed
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

// count updates most.
func (g *Guard) count(v *registry.View, lapsed []registry.Lapse) {
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

// idsIn returns the IDs of the nodes of a view.
func idsIn(v *registry.View) map[string]bool {
	ids := map[string]bool{}
	for _, s := range v.Services {
		for _, n := range s.Nodes {
			ids[n.ID] = true
		}
	}
	return ids
}

// tooMany counts a lease that has ended, and says whether too many have in this window.
func (g *Guard) tooMany(l registry.Lapse) bool {
	id := idOf(l)
	if !g.listed[id] { // it came and left between two views
		return false
	}
	if !l.Time.Before(g.window.end) {
		g.window = window{end: l.Time.Add(l.Service.TTL), listed: maps.Clone(g.listed), ended: map[string]bool{}}
	}
	delete(g.listed, id)
	w := &g.window
	if !w.listed[id] {
		return false
	}
	w.ended[id] = true
	return float64(len(w.ended)) > max(2, g.Share*float64(len(w.listed)))
}

func idOf(l registry.Lapse) string { return l.Service.Nodes[0].ID }

// merge returns the services of a view with the nodes that are kept. It does not change
// the view.
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
		slices.SortFunc(s.Nodes, listed.ByID)
	}
	slices.SortFunc(services, listed.ByVersion)
	return services
}
