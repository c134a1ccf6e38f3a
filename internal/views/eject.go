package views

import (
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/actor"
	"github.com/rollcall-go/rollcall/internal/balance"
	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/internal/logs"
)

// answers notes that a call has succeeded, and says whether none has failed before it.
func (m *Member) answers(s *Service) bool {
	if at := s.hub.tick.Load(); m.state.answered.Load() != at {
		m.state.answered.Store(at)
	}
	return m.state.ejection.Fails() == 0
}

// count takes the result of a call that failed, or that followed one which failed.
func (s *Service) count(m *Member, probe bool, r balance.Result, err error) {
	n := &m.state.ejection
	if r == balance.Failed {
		s.Failed.Add(1)
	}
	switch {
	case n.Ejected():
		if probe { // else it began before the ejection, or because there was no other node
			s.probed(m, r, err)
		}
	case r == balance.OK:
		n.Succeeded()
	case r == balance.Failed && n.Failed(s.hub.c.Ejection):
		s.eject(m, err)
	}
}

// eject takes a node out, if enough others are left. If the guard keeps the node, the view is
// built anew.
func (s *Service) eject(m *Member, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone(m) || m.Ejected() {
		return
	}
	if view := s.table.Load().View; s.hub.c.Ejection.Off || m.Withdrawn() || spare(view.Members) <= 0 {
		if slices.Contains(view.Guarded, m.ID) {
			s.build()
		}
		return
	}
	now := time.Now()
	m.state.ejection.Eject(s.hub.c.Ejection, now)
	s.ejected.Add(1)
	s.logEjected(m, now, err, "rollcall: node ejected: calls to it fail, and others take them until one succeeds; see the error, and the log of the node")
	s.observeEjection(m, true)
	s.build()
}

// logEjected logs that a node is out: as a warning where it is the first of the resolver,
// and once a minute, and else at the level Info. mu is held.
func (s *Service) logEjected(m *Member, now time.Time, err error, text string) {
	s.Ejections.Add(1)
	s.hub.ejectedAt.Store(now.UnixNano())
	level := zerolog.InfoLevel
	if n := s.hub.ejections.Failed(""); n.Phase != logs.Nothing {
		level = zerolog.WarnLevel
	}
	out := m.state.ejection.Until().Sub(now).Round(time.Millisecond)
	s.log(level, func(e *zerolog.Event) { e.Err(errdefs.OneLine(err)).Str("node", m.ID).Stringer("for", out).Msg(text) })
}

// gone says whether the node of a call is not in the view any more. mu is held.
func (s *Service) gone(m *Member) bool {
	return s.ctx.Err() != nil || !slices.ContainsFunc(s.table.Load().View.Members, m.Same)
}

// spare returns how many more nodes may be ejected; below 0, how many too many are.
func spare(members []*Member) int {
	up, out := 0, 0
	for _, m := range members {
		if !m.Withdrawn() {
			up++
			if m.Ejected() {
				out++
			}
		}
	}
	return up/2 - out
}

// probed takes the result of the call that was let through to an ejected node.
func (s *Service) probed(m *Member, r balance.Result, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if s.gone(m) || !m.state.ejection.Probed() {
		return
	}
	switch r {
	case balance.OK:
		s.readmit(m, now)
		s.build()
		return
	case balance.Failed:
		m.state.ejection.Eject(s.hub.c.Ejection, now)
		s.logEjected(m, now, err, "rollcall: ejected node still fails: others go on taking its calls; see the error, and the log of the node")
	case balance.Unknown:
		m.state.ejection.Unprobe(now)
	}
	s.wake(actor.Sooner(s.next, s.review(s.table.Load().View.Members, now)))
}

// readmit brings a node back. mu is held.
func (s *Service) readmit(m *Member, now time.Time) {
	m.state.ejection.Readmit(now)
	s.log(zerolog.InfoLevel, func(e *zerolog.Event) { e.Str("node", m.ID).Msg("rollcall: ejected node is back") })
	s.observeEjection(m, false)
}

// review brings back ejected nodes that are withdrawn, and those that are too many since
// others left. It offers those whose time is over to be probed, and returns when the next
// one's is over. mu is held.
func (s *Service) review(members []*Member, now time.Time) (next time.Time) {
	if s.ejected.Load() == 0 {
		return next
	}
	var out []*Member
	for _, m := range members {
		switch {
		case !m.Ejected():
		case m.Withdrawn():
			s.readmit(m, now)
		default:
			out = append(out, m)
		}
	}
	s.ejected.Store(int64(len(out)))
	if len(out) == 0 {
		s.due.Store(nil)
		return next
	}
	slices.SortStableFunc(out, func(a, b *Member) int { return a.state.ejection.Until().Compare(b.state.ejection.Until()) })
	for range -spare(members) {
		s.readmit(out[0], now)
		out = out[1:]
		s.ejected.Add(-1)
	}
	due := out
	for i, m := range out {
		if until := m.state.ejection.Until(); until.After(now) {
			due, next = out[:i], until
			break
		}
	}
	s.due.Store(nil)
	if len(due) > 0 {
		s.due.Store(&due)
	}
	return next
}

// Probe begins a call to an ejected node that is due to be probed; it is false, nearly always,
// if there is none. The zone of the selection has no effect.
func (s *Service) Probe(sel *Selection, tracked balance.Tracking) (c Call, ok bool) {
	m := s.toProbe(sel)
	if m == nil {
		return c, false
	}
	c = s.BeginDirect(m, tracked)
	c.t.probe = true
	return c, true
}

func (s *Service) toProbe(sel *Selection) *Member {
	due := s.due.Load()
	if due == nil {
		return nil
	}
	i := slices.IndexFunc(*due, sel.Matches)
	if i < 0 {
		return nil
	}
	m := (*due)[i]
	s.mu.Lock()
	defer s.mu.Unlock()
	if due = s.due.Load(); due == nil || !slices.Contains(*due, m) {
		return nil // another call was faster
	}
	now := time.Now()
	m.state.ejection.Probe(now)
	s.wake(actor.Sooner(s.next, s.review(s.table.Load().View.Members, now)))
	return m
}

// Due says whether an ejected node is to be probed.
func (s *Service) Due() bool { return s.due.Load() != nil }
