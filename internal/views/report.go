package views

import (
	"time"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/logs"
	"github.com/rollcall-go/rollcall/internal/outbox"
)

// A reporter writes to the log and calls the observers of the Config: from goroutines of its
// own and under no mutex, so that a log that blocks and an observer that calls the resolver
// delay no caller.
type reporter struct {
	c      *Config
	lines  outbox.Outbox
	events outbox.Outbox // a call for each service that has something unseen

	// Of the goroutine of events:
	lost     int       // Ejections that were dropped, since the last line about it
	lostLine time.Time // when that was written
}

func newReporter(c *Config) *reporter {
	r := &reporter{c: c}
	r.lines = outbox.Outbox{Most: maxLines, Dropped: func(n int) {
		c.Logger.Warn().Int("lines", n).Msg("rollcall: log lines were dropped: the logger is slow, and should return at once")
	}}
	return r
}

const (
	// maxLines is how many lines wait for a log that blocks, before the oldest are dropped.
	maxLines = 1000

	// maxEjections is how many Ejections of a service wait for the observer.
	maxEjections = 128

	// linesWithin is how long Close waits for a log that blocks.
	linesWithin = time.Second
)

// log has write add a line to the log.
func (r *reporter) log(write func(*zerolog.Logger)) {
	if r.c.Logger.GetLevel() != zerolog.Disabled {
		r.lines.Add(func() { write(&r.c.Logger) })
	}
}

// close waits for the lines, but for no call of an observer: that may be the one that
// closes.
func (r *reporter) close() {
	r.events.End()
	t := time.NewTimer(linesWithin)
	defer t.Stop()
	select {
	case <-r.lines.Idle():
	case <-t.C:
	}
}

// missed logs, once a minute at most, that the observer does not get some Ejections.
func (r *reporter) missed(events int) {
	r.lost += events
	if n := r.lost; n > 0 && time.Since(r.lostLine) >= logs.RepeatEvery {
		r.lost, r.lostLine = 0, time.Now()
		r.log(func(l *zerolog.Logger) {
			l.Warn().Int("events", n).Msg("rollcall: EjectEvents were dropped: the Observer is slow, and should return at once")
		})
	}
}

// unseen is what the observers have not seen of a service: the newest view, and the
// ejections before it.
type unseen struct {
	view      *Set // of all nodes
	ejections []Ejection
	lost      int // older ones, that were dropped
}

// viewed has the observer called with a view. mu is held.
func (s *Service) viewed(v *Set) {
	if s.hub.c.Viewed != nil {
		s.wakeObserver()
		s.unseen.view = v
	}
}

// observeEjection has the observer called about a node that is ejected or back. mu is held.
func (s *Service) observeEjection(m *Member, ejected bool) {
	if s.hub.c.Ejected == nil {
		return
	}
	s.wakeObserver()
	u := &s.unseen
	over := max(0, len(u.ejections)+1-maxEjections)
	u.ejections, u.lost = append(u.ejections[over:], Ejection{s.name, m.ID, ejected}), u.lost+over
}

// wakeObserver is called before something is added to unseen. mu is held.
func (s *Service) wakeObserver() {
	if s.unseen.view == nil && len(s.unseen.ejections) == 0 {
		s.hub.reporter.events.Add(s.observe)
	}
}

// observe calls the observers with what they have not seen.
func (s *Service) observe() {
	s.mu.Lock()
	u := s.unseen
	s.unseen = unseen{}
	s.mu.Unlock()
	s.hub.reporter.missed(u.lost)
	for _, e := range u.ejections {
		if s.ctx.Err() == nil {
			s.hub.c.Ejected(e)
		}
	}
	if u.view != nil && s.ctx.Err() == nil {
		s.hub.c.Viewed(u.view)
	}
}
