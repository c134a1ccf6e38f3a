package discovery

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-go/rollcall/registry"
)

// A guard doubts that many nodes died at once: it is more likely that they lost
// Redis while they serve. It tells losses by registry.View.Lapsed, so who says
// goodbye leaves at once.
//
// A window opens when a node is found to have run out of its lease while no window
// is open, and lasts one TTL of that node. Of the nodes that stood just before, so
// many may run out in it: the share of them, and at least two. Each further one is
// kept as it was last known, for one TTL after it was found, and no longer than its
// absence: until it registers again. An absence begins when a node runs out, and
// ends when it is back. Whoever was not kept when it began, or not any more, is not
// kept later in it. A stale view lets nobody go: those who are kept cannot register.
//
// It has no timer: step says when to call it next.
type guard struct {
	share  float64         // 0: off
	before *registry.View  // of the last step
	stood  map[string]bool // in it, and has not run out since: while a step judges
	absent map[string]*absence
	window window
}

type window struct {
	end   time.Time
	stood map[string]bool // when it opened
	out   map[string]bool // of those, who has run out since
	acted bool            // kept somebody
	told  bool            // and said so
}

// An absence is that of a node, from one Lapse on.
type absence struct {
	registry.Lapse
	kept bool
}

// What a guard makes of a view.
type guarded struct {
	services []*registry.Service // to show
	ids      []string            // of those that are kept, in order
	next     time.Time           // when the next of them goes; zero: not by time
	began    *window             // in which the guard acted for the first time
}

// step takes the view as it stands now. The same view may come again.
func (g *guard) step(v *registry.View, now time.Time) guarded {
	if g.share == 0 || len(v.Lapsed) == 0 {
		g.before, g.absent = v, nil
		return guarded{services: v.Services}
	}
	lapsed := slices.SortedFunc(slices.Values(v.Lapsed), func(a, b registry.Lapse) int {
		return cmp.Or(a.Time.Compare(b.Time), strings.Compare(idOf(a), idOf(b)))
	})
	if g.before == nil { // who ran out before the first view stood before it
		g.stood = idsIn(v)
		for _, l := range lapsed {
			g.stood[idOf(l)] = true
		}
	} else {
		g.stood = idsIn(g.before)
	}
	absent, kept := map[string]*absence{}, []registry.Lapse(nil)
	out := guarded{}
	for _, l := range lapsed {
		id := idOf(l)
		a := g.absent[id]
		if a == nil || !a.Time.Equal(l.Time) {
			a = &absence{l, g.doubts(l)}
		}
		absent[id] = a
		end := l.Time.Add(l.Service.TTL)
		if !end.After(now) && v.StaleSince.IsZero() {
			a.kept = false
		}
		if !a.kept {
			continue
		}
		kept = append(kept, l)
		out.ids = append(out.ids, id)
		if v.StaleSince.IsZero() && (out.next.IsZero() || end.Before(out.next)) {
			out.next = end
		}
	}
	g.before, g.stood, g.absent = v, nil, absent
	if w := &g.window; w.acted && !w.told {
		w.told, out.began = true, w
	}
	slices.Sort(out.ids)
	out.services = merge(v.Services, kept)
	return out
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
	over := float64(len(w.out)) > max(2, g.share*float64(len(w.stood)))
	w.acted = w.acted || over
	return over
}

func idOf(l registry.Lapse) string { return l.Service.Nodes[0].ID }

// merge lays nodes that are kept among those of the view, which stays as it is.
func merge(services []*registry.Service, kept []registry.Lapse) []*registry.Service {
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
