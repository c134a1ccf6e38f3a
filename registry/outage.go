package registry

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/logs"
	"github.com/rollcall-go/rollcall/internal/lua"
)

// A trouble is an episode that several goroutines take part in.
type trouble struct {
	mu      sync.Mutex
	episode logs.Episode
}

func (t *trouble) failed(subject string) logs.Note {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.episode.Failed(subject, time.Now())
}

func (t *trouble) recovered(subject string) logs.Note {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.episode.Recovered(subject, time.Now())
}

// attempted takes what came of a trip to Redis for a subject, such as a service. All
// services and actors of a registry share one outage, and its few lines in the log.
func (c *conn) attempted(subject string, err error) {
	if errors.Is(err, context.Canceled) || errors.Is(err, ErrClosed) {
		return // that says nothing of Redis
	}
	if !isOutage(err) {
		c.contacted.Store(true)
		c.logOutage(c.outage.recovered(subject), nil)
		return
	}
	c.logOutage(c.outage.failed(subject), err)
}

// isOutage tells whether an error says that Redis was not reached.
func isOutage(err error) bool {
	return err != nil && errors.Is(classify(err), ErrUnavailable) && lua.Refusal(err) == ""
}

// left takes a subject, such as a service, out of what is in trouble: it has ended.
func (c *conn) left(subject string) {
	if c == nil {
		return
	}
	c.well(&c.outage, subject, "rollcall: nothing waits for contact with redis any more: what did has ended")
	c.well(&c.renewal, subject, "rollcall: no service is left whose leases are not renewed")
}

// troubled notes that a subject fails, and logs it when it is the first, and once a minute.
func (c *conn) troubled(t *trouble, subject, text string, add func(*zerolog.Event)) {
	if n := t.failed(subject); n.Phase != logs.Nothing {
		c.warn(func(e *zerolog.Event) {
			add(e)
			e.EmbedObject(n).Msg(text)
		})
	}
}

// well notes that a subject does not fail any more, and logs it when it was the last.
func (c *conn) well(t *trouble, subject, text string) {
	if n := t.recovered(subject); n.Phase == logs.Ended {
		c.warn(func(e *zerolog.Event) { e.EmbedObject(n).Msg(text) })
	}
}

func (c *conn) logOutage(n logs.Note, err error) {
	text := map[logs.Phase]string{
		logs.Began: "rollcall: contact with redis is lost: leases are not renewed and views go stale until it is back; check that it runs and can be reached",
		logs.Lasts: "rollcall: there is still no contact with redis: leases are not renewed and views are stale; check that it runs and can be reached",
		logs.Ended: "rollcall: contact with redis is back",
	}[n.Phase]
	if n.Phase == logs.Began && !c.contacted.Load() {
		text = "rollcall: no contact with redis yet: registrations with RegisterRetry go on in the background, and watches wait; check that it runs and can be reached"
	}
	if text != "" {
		c.warn(func(e *zerolog.Event) { e.Err(inOneLine(err)).Str("redis", c.o.where()).EmbedObject(n).Msg(text) })
	}
}

// renewalFailed logs what is neither an outage nor a refusal of all writes: those have
// lines of their own.
func (c *conn) renewalFailed(s *service, err error) {
	if err = classify(err); errors.Is(err, ErrUnavailable) || lua.Refusal(err) != "" {
		return
	}
	c.troubled(&c.renewal, s.String(), "rollcall: leases are not renewed: what redis said names what to change; callers lose the nodes when the leases end",
		func(e *zerolog.Event) { e.Err(err).Str("namespace", s.namespace).Str("service", s.name) })
}
