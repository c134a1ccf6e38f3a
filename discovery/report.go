package discovery

import (
	"time"

	"github.com/rs/zerolog"

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
}

func newReporter(o *options) *reporter {
	return &reporter{logger: o.logger, observe: o.observe, lines: outbox.Outbox{Most: maxLines}}
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

// What the Observer has still to be told of a service: the newest view, and what was
// ejected before it.
type unseen struct {
	view   *View
	ejects []EjectEvent
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
		u.ejects = append(u.ejects[max(0, len(u.ejects)+1-maxEjects):], e)
	}
}

// show tells the Observer what it has not seen.
func (s *service) show() {
	s.mu.Lock()
	u := s.unseen
	s.unseen = unseen{}
	s.mu.Unlock()
	for _, e := range u.ejects {
		if s.ctx.Err() == nil {
			s.reporter.observe(e)
		}
	}
	if u.view != nil && s.ctx.Err() == nil {
		s.reporter.observe(ViewEvent{u.view})
	}
}
