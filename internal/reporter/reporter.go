// Package reporter calls functions of the user's that may block: a logger, an observer
// and the OnStates. Each kind has a goroutine of its own, so that one that blocks holds
// up no other and no code of ours.
package reporter

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"slices"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/actor"
	"github.com/rollcall-go/rollcall/internal/logs"
	"github.com/rollcall-go/rollcall/internal/outbox"
)

// most is how many reports wait for a function that is slow: of more, the oldest are
// dropped and counted.
const most = 1024

// A Reporter makes the reports of one registry: each kind one at a time, in order. Make
// it with New.
type Reporter struct {
	log                   zerolog.Logger
	lines, events, states reports
}

// reports are those to one kind of function.
type reports struct {
	whose string
	calls outbox.Outbox
}

// New returns a Reporter whose lines go to l.
func New(l zerolog.Logger) *Reporter {
	r := &Reporter{log: l}
	r.lines.whose, r.events.whose, r.states.whose = "the logger", "the observer", "an OnState"
	dropped := func(p *reports, n int) {
		l.Warn().Int("reports", n).Msg("rollcall: reports were dropped: " + p.whose + " is slow, and should return at once")
	}
	r.lines.calls.Dropped = func(n int) { CallOut(func() { dropped(&r.lines, n) }) }
	r.events.calls.Dropped = func(n int) { r.lines.add(func() { dropped(&r.events, n) }) }
	r.states.calls.Dropped = func(n int) { r.lines.add(func() { dropped(&r.states, n) }) }
	for _, p := range []*reports{&r.lines, &r.events, &r.states} {
		p.calls.Most = most
	}
	return r
}

// add never blocks.
func (p *reports) add(report func()) { p.calls.Add(func() { CallOut(report) }) }

// wait waits until nothing is left to report, but no longer than ctx.
func (p *reports) wait(ctx context.Context) error {
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
		return actor.StillRuns(ctx, p.whose)
	}
}

// Wait waits until nothing is left to report, but no longer than ctx.
func (r *Reporter) Wait(ctx context.Context) error {
	// Lines come last: they count reports that were dropped.
	return errors.Join(r.states.wait(ctx), r.events.wait(ctx), r.lines.wait(ctx))
}

// Log has a line written that say fills in, soon and by another goroutine. What say
// reads must not change meanwhile.
func (r *Reporter) Log(level zerolog.Level, say func(*zerolog.Event)) {
	if level >= r.log.GetLevel() {
		r.lines.add(func() { say(r.log.WithLevel(level)) })
	}
}

// Debug is Log at that level.
func (r *Reporter) Debug(say func(*zerolog.Event)) { r.Log(zerolog.DebugLevel, say) }

// Info is Log at that level.
func (r *Reporter) Info(say func(*zerolog.Event)) { r.Log(zerolog.InfoLevel, say) }

// Warn is Log at that level.
func (r *Reporter) Warn(say func(*zerolog.Event)) { r.Log(zerolog.WarnLevel, say) }

// Troubled notes that a subject fails, and logs it when it is the first, and once a
// minute; add adds fields.
func (r *Reporter) Troubled(t *logs.Trouble, subject, text string, add func(*zerolog.Event)) {
	if n := t.Failed(subject); n.Phase != logs.Nothing {
		r.Warn(func(e *zerolog.Event) {
			add(e)
			e.EmbedObject(n).Msg(text)
		})
	}
}

// Well notes that a subject does not fail any more, and logs it when it was the last.
func (r *Reporter) Well(t *logs.Trouble, subject, text string) {
	if n := t.Recovered(subject); n.Phase == logs.Ended {
		r.Warn(func(e *zerolog.Event) { e.EmbedObject(n).Msg(text) })
	}
}

// Event has the observer called.
func (r *Reporter) Event(call func()) { r.events.add(call) }

// State has an OnState called.
func (r *Reporter) State(call func()) { r.states.add(call) }

// some is how many names a line has at most.
const some = 5

// Some sorts names for a line of the log, and leaves out those that are too many: it
// says how many there are more.
func Some(names []string) []string {
	slices.Sort(names)
	if more := len(names) - some; more > 0 {
		names = append(names[:some], fmt.Sprintf("and %d more", more))
	}
	return names
}

// CallOut calls a function of the user's, which may call Close: Close must not wait for
// the function then.
func CallOut(f func()) { f() }

var callOutName = runtime.FuncForPC(reflect.ValueOf(CallOut).Pointer()).Name()

// CalledOut reports whether CallOut is among the callers.
func CalledOut() bool {
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
