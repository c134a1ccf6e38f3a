package views

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/internal/logs"
	"github.com/rollcall-go/rollcall/registry"
)

// A staleness logs that views are not what is in the registry now: one line when the first
// is, one a minute, and one when none is any more, for all services of a hub together. Views
// that are stale, views that were read from a file, and views with nodes that are guarded
// have lines of their own. It belongs to one goroutine.
type staleness struct {
	hub                  *Hub
	lost, saved, guarded condition
}

// A condition is an episode of views, and what its lines say.
type condition struct {
	episode logs.Episode
	since   time.Time
	level   zerolog.Level // the highest so far
	text    map[logs.Phase]string
}

func newStaleness(h *Hub) *staleness {
	return &staleness{
		hub: h,
		lost: condition{text: map[logs.Phase]string{
			logs.Began: "rollcall: views are stale: they show the nodes that were known last; see the error",
			logs.Lasts: "rollcall: views are still stale: they show the nodes that were known last; see the error",
			logs.Ended: "rollcall: no view is stale any more",
		}},
		saved: condition{text: map[logs.Phase]string{
			logs.Began: "rollcall: views show what was saved in SnapshotDir, for nothing else is known yet; see the error",
			logs.Lasts: "rollcall: views still show what was saved in SnapshotDir; see the error",
			logs.Ended: "rollcall: no view shows what was saved in SnapshotDir any more",
		}},
		guarded: condition{text: map[logs.Phase]string{
			logs.Began: "rollcall: leases ran out and nothing else says that the nodes are dead: they stay listed; see why they do not renew",
			logs.Lasts: "rollcall: nodes are still listed whose leases ran out; see why they do not renew",
			logs.Ended: "rollcall: no node is listed any more whose lease ran out: each is back, or was removed",
		}},
	}
}

// check logs what has changed of the views.
func (s *staleness) check(followed *names, at time.Time) {
	var lost, saved, guarded []*View
	for one := range followed.all() {
		if one.ejected.Load() > 0 {
			s.hub.ejectedAt.Store(at.UnixNano())
		}
		t := one.table.Load()
		if t == nil {
			continue
		}
		if len(t.View.Guarded) > 0 {
			guarded = append(guarded, t.View)
		}
		switch {
		case t.View.Live():
		case t.View.Saved.IsZero():
			lost = append(lost, t.View)
		default:
			saved = append(saved, t.View)
		}
	}
	s.log(&s.lost, lost, at, s.staleFact)
	s.log(&s.saved, saved, at, s.staleFact)
	s.log(&s.guarded, guarded, at, s.guardedFact)
	if at.UnixNano()-s.hub.ejectedAt.Load() >= int64(logs.RepeatEvery) { // else one that fails and recovers again and again would fill the log
		if n := s.hub.ejections.Recovered(""); n.Phase == logs.Ended {
			s.hub.reporter.log(func(l *zerolog.Logger) {
				l.Warn().EmbedObject(n).Msg("rollcall: no node is ejected any more, for a minute now")
			})
		}
	}
}

// A fact is what a line says of a view.
type fact struct {
	level zerolog.Level
	since time.Time
	err   error
	nodes []string
}

func (s *staleness) staleFact(v *View, _ time.Time) fact {
	return fact{level: s.level(v), since: v.StaleSince, err: v.Err}
}

func (s *staleness) guardedFact(v *View, since time.Time) fact {
	return fact{level: zerolog.WarnLevel, since: since, nodes: v.Guarded}
}

// maxNodes is how many nodes a line names.
const maxNodes = 10

// log writes a line where one is due: about the worst of the views, and how many they are.
// factOf returns what a line says of a view; it is given the time when the episode began.
func (s *staleness) log(c *condition, views []*View, at time.Time, factOf func(*View, time.Time) fact) {
	if len(views) == 0 {
		if n := c.episode.Recovered("", at); n.Phase == logs.Ended {
			level, since := c.level, c.since
			s.hub.reporter.log(func(l *zerolog.Logger) {
				l.WithLevel(level).Time("since", since).Stringer("lasted", at.Sub(since).Round(time.Millisecond)).Msg(c.text[n.Phase])
			})
		}
		return
	}
	n := c.episode.Failed("", at)
	v := slices.MinFunc(views, func(a, b *View) int {
		x, y := factOf(a, n.Since), factOf(b, n.Since)
		return cmp.Or(cmp.Compare(y.level, x.level), x.since.Compare(y.since), cmp.Compare(len(y.nodes), len(x.nodes)))
	})
	f := factOf(v, n.Since)
	switch {
	case n.Phase == logs.Began:
		c.since, c.level = f.since, f.level
	case n.Phase != logs.Nothing:
	case f.level > c.level: // an outage becomes a refusal, say
		n.Phase = logs.Began
	default:
		return
	}
	c.level = max(c.level, f.level)
	s.hub.reporter.log(func(l *zerolog.Logger) {
		e := l.WithLevel(f.level).Err(errdefs.OneLine(f.err)).Time("since", f.since).Int("services", len(views)).
			Str("namespace", s.hub.c.Namespace(v.Name.Namespace)).Str("service", v.Name.Service)
		if len(f.nodes) > 0 {
			e.Strs("nodes", f.nodes[:min(len(f.nodes), maxNodes)]).Int("listed", len(f.nodes))
		}
		e.Msg(c.text[n.Phase])
	})
}

// level returns that of the line about a stale view. A source that logs an outage itself,
// with what to do, makes a second warning unnecessary.
func (s *staleness) level(v *View) zerolog.Level {
	if s.hub.c.SourceLogs && v.Saved.IsZero() && errors.Is(v.Err, registry.ErrUnavailable) {
		return zerolog.InfoLevel
	}
	return zerolog.WarnLevel
}
