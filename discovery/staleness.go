package discovery

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/logs"
	"github.com/rollcall-go/rollcall/registry"
)

// A staleness tells the log of views that are not what the source says now: one line when
// the first is, one a minute, and one when none is any more, for all services of a resolver
// together. Those that are stale, those that were read from SnapshotDir, and those with
// nodes that are guarded have lines of their own. It belongs to one goroutine.
type staleness struct {
	r                    *Resolver
	lost, saved, guarded condition
}

// A condition is an episode of views, and what its lines say.
type condition struct {
	episode logs.Episode
	since   time.Time
	level   zerolog.Level // the highest so far
	text    map[logs.Phase]string
}

func newStaleness(r *Resolver) *staleness {
	return &staleness{
		r: r,
		lost: condition{text: map[logs.Phase]string{
			logs.Began: "rollcall: views are stale: they show the nodes that were known last; see why the source does not answer",
			logs.Lasts: "rollcall: views are still stale: they show the nodes that were known last; see why the source does not answer",
			logs.Ended: "rollcall: no view is stale any more",
		}},
		saved: condition{text: map[logs.Phase]string{
			logs.Began: "rollcall: views show what was saved in SnapshotDir, for nothing else is known yet; see why the source does not answer",
			logs.Lasts: "rollcall: views still show what was saved in SnapshotDir; see why the source does not answer",
			logs.Ended: "rollcall: no view shows what was saved in SnapshotDir any more",
		}},
		guarded: condition{text: map[logs.Phase]string{
			logs.Began: "rollcall: leases ran out and nothing else says that the nodes are dead: they stay listed; see why they do not renew",
			logs.Lasts: "rollcall: nodes are still listed whose leases ran out; see why they do not renew",
			logs.Ended: "rollcall: no node is listed any more whose lease ran out: each is back, or gone",
		}},
	}
}

// look takes the views as they are.
func (s *staleness) look(services map[serviceName]*service, at time.Time) {
	var lost, saved, guarded []*View
	for _, one := range services {
		if one.ejected.Load() > 0 {
			s.r.ejectedAt.Store(at.UnixNano())
		}
		t := one.table.Load()
		if t == nil {
			continue
		}
		if len(t.view.guarded) > 0 {
			guarded = append(guarded, t.view)
		}
		switch {
		case t.view.Live():
		case t.view.saved.IsZero():
			lost = append(lost, t.view)
		default:
			saved = append(saved, t.view)
		}
	}
	s.tell(&s.lost, lost, at, s.stale)
	s.tell(&s.saved, saved, at, s.stale)
	s.tell(&s.guarded, guarded, at, s.doubted)
	if at.UnixNano()-s.r.ejectedAt.Load() >= int64(logs.RepeatEvery) { // else one that fails and recovers again and again would fill the log
		if n := s.r.ejections.Recovered(""); n.Phase == logs.Ended {
			s.r.reporter.log(func(l *zerolog.Logger) {
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

func (s *staleness) stale(v *View, _ time.Time) fact {
	return fact{level: s.level(v), since: v.staleSince, err: v.err}
}

func (s *staleness) doubted(v *View, since time.Time) fact {
	return fact{level: zerolog.WarnLevel, since: since, nodes: v.guarded}
}

// maxNodes is how many nodes a line names.
const maxNodes = 10

// tell logs what is worth a line: about the worst of the views, and how many they are. Of
// a view, say tells what a line says; where it knows no time of its own, it is given that
// of the episode.
func (s *staleness) tell(c *condition, views []*View, at time.Time, say func(*View, time.Time) fact) {
	if len(views) == 0 {
		if n := c.episode.Recovered("", at); n.Phase == logs.Ended {
			level, since := c.level, c.since
			s.r.reporter.log(func(l *zerolog.Logger) {
				l.WithLevel(level).Time("since", since).Stringer("lasted", at.Sub(since).Round(time.Millisecond)).Msg(c.text[n.Phase])
			})
		}
		return
	}
	n := c.episode.Failed("", at)
	v := slices.MinFunc(views, func(a, b *View) int {
		x, y := say(a, n.Since), say(b, n.Since)
		return cmp.Or(cmp.Compare(y.level, x.level), x.since.Compare(y.since), cmp.Compare(len(y.nodes), len(x.nodes)))
	})
	f := say(v, n.Since)
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
	s.r.reporter.log(func(l *zerolog.Logger) {
		e := l.WithLevel(f.level).Err(inLine(f.err)).Time("since", f.since).Int("services", len(views)).
			Str("namespace", s.r.namespace(v.namespace)).Str("service", v.service)
		if len(f.nodes) > 0 {
			e.Strs("nodes", f.nodes[:min(len(f.nodes), maxNodes)]).Int("listed", len(f.nodes))
		}
		e.Msg(c.text[n.Phase])
	})
}

// onRedis is a Source that is a *registry.Redis, or that wraps one.
type onRedis interface {
	Knower
	Options() registry.Options
}

// level is that of the line about a stale view. A *registry.Redis logs an outage itself,
// with what to do: a second warning would say nothing new.
func (s *staleness) level(v *View) zerolog.Level {
	if _, logs := s.r.src.(onRedis); logs && v.saved.IsZero() && errors.Is(v.err, registry.ErrUnavailable) {
		return zerolog.InfoLevel
	}
	return zerolog.WarnLevel
}
