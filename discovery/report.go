package discovery

import (
	"time"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/logs"
	"github.com/rollcall-go/rollcall/internal/outbox"
)

// A reporter tells the log and the Observer what happened: from goroutines of its own
// and under no lock, so that a log that blocks and an Observer that calls the
// resolver hold up nobody.
type reporter struct {
	logger  zerolog.Logger
	observe Observer // nil: nobody
	lines   outbox.Outbox
	events  outbox.Outbox // an entry for each service with something to tell, see unseen

	// Of the goroutine of events:
	lost     int       // EjectEvents that were dropped, and of which no line tells
	lostTold time.Time // when the last line was written
}

func newReporter(o *options) *reporter {
	r := &reporter{logger: o.logger, observe: o.observe}
	r.lines = outbox.Outbox{Most: maxLines, Dropped: func(n int) {
		r.logger.Warn().Int("lines", n).Msg("rollcall: log lines were dropped: the logger is slow, and should return at once")
	}}
	return r
}

const (
	// maxLines is how many lines wait for a log that blocks, before the oldest go.
	maxLines = 1000

	// maxEjects is how many EjectEvents of a service wait for the Observer.
	maxEjects = 128

	// linesWithin is how long Close waits for a log that blocks.
	linesWithin = time.Second
)

// log has write add a line to the log.
func (r *reporter) log(write func(*zerolog.Logger)) {
	if r.logger.GetLevel() != zerolog.Disabled {
		r.lines.Add(func() { write(&r.logger) })
	}
}

// close waits for the lines, but for no call of the Observer: that may be the one
// that closes.
func (r *reporter) close() {
	r.events.End()
	t := time.NewTimer(linesWithin)
	defer t.Stop()
	select {
	case <-r.lines.Idle():
	case <-t.C:
	}
}

// missed logs, once a minute at most, that the Observer does not get some events.
func (r *reporter) missed(events int) {
	r.lost += events
	if n := r.lost; n > 0 && time.Since(r.lostTold) >= logs.RepeatEvery {
		r.lost, r.lostTold = 0, time.Now()
		r.log(func(l *zerolog.Logger) {
			l.Warn().Int("events", n).Msg("rollcall: EjectEvents were dropped: the Observer is slow, and should return at once")
		})
	}
}

// What the Observer has still to be told of a service: the newest view, and what was
// ejected before it.
type unseen struct {
	view   *View
	ejects []EjectEvent
	lost   int // older ejects, that were dropped
}

// happened tells the Observer of an event, in time. mu is held.
func (s *service) happened(e Event) {
	u := &s.unseen
	if s.reporter.observe == nil {
		return
	}
	if u.view == nil && len(u.ejects) == 0 {
		s.reporter.events.Add(s.show)
	}
	switch e := e.(type) {
	case ViewEvent:
		u.view = e.View
	case EjectEvent:
		over := max(0, len(u.ejects)+1-maxEjects)
		u.ejects, u.lost = append(u.ejects[over:], e), u.lost+over
	}
}

// show tells the Observer what it has not seen.
func (s *service) show() {
	s.mu.Lock()
	u := s.unseen
	s.unseen = unseen{}
	s.mu.Unlock()
	s.reporter.missed(u.lost)
	for _, e := range u.ejects {
		if s.ctx.Err() == nil {
			s.reporter.observe(e)
		}
	}
	if u.view != nil && s.ctx.Err() == nil {
		s.reporter.observe(ViewEvent{u.view})
	}
}
