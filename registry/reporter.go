package registry

import (
	"context"
	"reflect"
	"runtime"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/outbox"
)

// maxReports is how many reports wait for a function of the user's that is slow.
const maxReports = 1024

// A reporter calls functions of the user's, one at a time and in the order of
// add: a logger, an observer, or the OnStates. Those may block, so no code of ours
// waits for them: where too many reports wait, the oldest are dropped and counted.
type reporter struct {
	whose string // function it calls
	calls outbox.Outbox
}

// add never blocks.
func (p *reporter) add(report func()) {
	p.calls.Add(func() { callOut(report) })
}

// wait waits until nothing is to be reported, but no longer than ctx.
func (p *reporter) wait(ctx context.Context) error {
	idle := p.calls.Idle()
	select {
	case <-idle:
		return nil
	default:
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
	r := &reporters{lines: reporter{whose: "the logger"}, events: reporter{whose: "the observer"}, states: reporter{whose: "an OnState"}}
	dropped := func(p *reporter, n int) {
		l.Warn().Int("reports", n).Msg("rollcall: reports were dropped: " + p.whose + " is slow, and should return at once")
	}
	r.lines.calls.Dropped = func(n int) { callOut(func() { dropped(&r.lines, n) }) }
	r.events.calls.Dropped = func(n int) { r.lines.add(func() { dropped(&r.events, n) }) }
	r.states.calls.Dropped = func(n int) { r.lines.add(func() { dropped(&r.states, n) }) }
	for _, p := range []*reporter{&r.lines, &r.events, &r.states} {
		p.calls.Most = maxReports
	}
	return r
}

// wait waits until nothing is to be reported, but no longer than ctx. What is
// reported last are dropped reports, as lines.
func (r *reporters) wait(ctx context.Context) error {
	return join(r.states.wait(ctx), r.events.wait(ctx), r.lines.wait(ctx))
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
