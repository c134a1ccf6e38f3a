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

// A staleness tells the log of views that are stale: one line when the first is, one a
// minute, and one when none is any more, for all services of a resolver together. Those
// that were read from SnapshotDir have lines of their own. It belongs to one goroutine.
type staleness struct {
	r           *Resolver
	lost, saved trouble
}

// A trouble is an episode and what its lines say.
type trouble struct {
	episode logs.Episode
	since   time.Time
	level   zerolog.Level // the highest so far
	text    map[logs.Phase]string
}

func newStaleness(r *Resolver) *staleness {
	return &staleness{
		r: r,
		lost: trouble{text: map[logs.Phase]string{
			logs.Began: "rollcall: views are stale: they show the nodes that were known last; see why the source does not answer",
			logs.Lasts: "rollcall: views are still stale: they show the nodes that were known last; see why the source does not answer",
			logs.Ended: "rollcall: no view is stale any more",
		}},
		saved: trouble{text: map[logs.Phase]string{
			logs.Began: "rollcall: views show what was saved in SnapshotDir, for nothing else is known yet; see why the source does not answer",
			logs.Lasts: "rollcall: views still show what was saved in SnapshotDir; see why the source does not answer",
			logs.Ended: "rollcall: no view shows what was saved in SnapshotDir any more",
		}},
	}
}

// look takes the views as they stand.
func (s *staleness) look(services map[serviceName]*service, at time.Time) {
	var lost, saved []*View
	for _, one := range services {
		switch t := one.table.Load(); {
		case t == nil || t.view.Live():
		case t.view.saved.IsZero():
			lost = append(lost, t.view)
		default:
			saved = append(saved, t.view)
		}
	}
	s.tell(&s.lost, lost, at)
	s.tell(&s.saved, saved, at)
}

// tell logs what is worth a line: about the worst of the views, and how many they are.
func (s *staleness) tell(t *trouble, views []*View, at time.Time) {
	if len(views) == 0 {
		if n := t.episode.Recovered("", at); n.Phase == logs.Ended {
			level, since := t.level, t.since
			s.r.reporter.log(func(l *zerolog.Logger) {
				l.WithLevel(level).Time("since", since).Stringer("lasted", at.Sub(since).Round(time.Millisecond)).Msg(t.text[n.Phase])
			})
		}
		return
	}
	n := t.episode.Failed("", at)
	if n.Phase == logs.Nothing {
		return
	}
	v := slices.MinFunc(views, func(a, b *View) int {
		return cmp.Or(cmp.Compare(s.level(b), s.level(a)), a.staleSince.Compare(b.staleSince))
	})
	if n.Phase == logs.Began {
		t.since, t.level = v.staleSince, s.level(v)
	}
	t.level = max(t.level, s.level(v))
	s.r.reporter.log(func(l *zerolog.Logger) {
		l.WithLevel(s.level(v)).Err(inLine(v.err)).Time("since", v.staleSince).Int("services", len(views)).
			Str("namespace", s.r.namespace(v.namespace)).Str("service", v.service).Msg(t.text[n.Phase])
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
