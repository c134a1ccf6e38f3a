package registry

import (
	"context"
	"errors"
	"reflect"
	"runtime"
	"sync"

	"github.com/rs/zerolog"
)

// maxReports is how many reports wait for a function of the user's that is slow.
const maxReports = 1024

// A reporter calls functions of the user's, one at a time and in the order of
// add: a logger, an observer, or the OnStates. Those may block, so nobody of ours
// waits for them: where too many reports wait, the oldest are dropped and counted.
// Its goroutine lives only while there is something to report.
type reporter struct {
	whose   string      // function it calls
	dropped func(n int) // is told how many were dropped; runs as a report

	mu      sync.Mutex
	waiting []func()
	lost    int           // dropped since dropped was told
	idle    chan struct{} // closed when nothing waits any more; nil while nothing does
}

// add never blocks.
func (p *reporter) add(report func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.waiting) == maxReports {
		p.waiting = p.waiting[1:]
		p.lost++
	}
	p.waiting = append(p.waiting, report)
	if p.idle == nil {
		p.idle = make(chan struct{})
		go p.run() // wait waits for it
	}
}

func (p *reporter) run() {
	for report := p.next(); report != nil; report = p.next() {
		callOut(report)
	}
}

// next returns the oldest report that waits, or nil at the end of run.
func (p *reporter) next() func() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := p.lost; n > 0 {
		p.lost = 0
		return func() { p.dropped(n) }
	}
	if len(p.waiting) == 0 {
		close(p.idle)
		p.waiting, p.idle = nil, nil
		return nil
	}
	report := p.waiting[0]
	p.waiting = p.waiting[1:]
	return report
}

// wait waits until nothing is to be reported, but no longer than ctx.
func (p *reporter) wait(ctx context.Context) error {
	p.mu.Lock()
	idle := p.idle
	p.mu.Unlock()
	if idle == nil {
		return nil
	}
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return stillRuns(ctx, p.whose)
	}
}

// reporters are those of one registry. Each kind has its own, so that one that
// blocks holds up no other.
type reporters struct{ lines, events, states reporter }

func newReporters(l zerolog.Logger) *reporters {
	r := &reporters{
		lines:  reporter{whose: "the logger"},
		events: reporter{whose: "the observer"},
		states: reporter{whose: "an OnState"},
	}
	dropped := func(p *reporter, n int) {
		l.Warn().Int("reports", n).Msg("rollcall: reports were dropped: " + p.whose + " is slow, and should return at once")
	}
	r.lines.dropped = func(n int) { dropped(&r.lines, n) }
	r.events.dropped = func(n int) { r.lines.add(func() { dropped(&r.events, n) }) }
	r.states.dropped = func(n int) { r.lines.add(func() { dropped(&r.states, n) }) }
	return r
}

// wait waits until nothing is to be reported, but no longer than ctx. What is
// reported last are dropped reports, as lines.
func (r *reporters) wait(ctx context.Context) error {
	return errors.Join(r.states.wait(ctx), r.events.wait(ctx), r.lines.wait(ctx))
}

// log has a line written that say fills in, soon and by another goroutine. What say
// reads must not change meanwhile.
func (c *conn) log(level zerolog.Level, say func(*zerolog.Event)) {
	if level >= c.o.Logger.GetLevel() {
		c.reports.lines.add(func() { say(c.o.Logger.WithLevel(level)) })
	}
}

func (c *conn) debug(say func(*zerolog.Event)) { c.log(zerolog.DebugLevel, say) }
func (c *conn) warn(say func(*zerolog.Event))  { c.log(zerolog.WarnLevel, say) }

// observe hands an event to the observer, soon and by another goroutine.
func (c *conn) observe(e Event) {
	if c.o.Observe != nil {
		c.reports.events.add(func() { c.o.Observe(e) })
	}
}

// callOut calls a function of the user's, which may call Close: Close must not
// wait for the function then.
func callOut(f func()) { f() }

var callOutName = runtime.FuncForPC(reflect.ValueOf(callOut).Pointer()).Name()

// calledOut tells whether callOut is among the callers.
func calledOut() bool {
	pcs := make([]uintptr, 256)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for {
		frame, more := frames.Next()
		if frame.Function == callOutName {
			return true
		}
		if !more {
			return false
		}
	}
}
