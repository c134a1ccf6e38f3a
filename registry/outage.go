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
	if err == nil || !errors.Is(classify(err), ErrUnavailable) || lua.Refusal(err) != "" {
		c.logOutage(c.outage.recovered(subject), nil)
		return
	}
	c.logOutage(c.outage.failed(subject), err)
}

func (c *conn) logOutage(n logs.Note, err error) {
	text := map[logs.Phase]string{
		logs.Began: "rollcall: contact with redis is lost: leases are not renewed and views go stale until it is back; check that it runs and can be reached",
		logs.Lasts: "rollcall: there is still no contact with redis: leases are not renewed and views are stale; check that it runs and can be reached",
		logs.Ended: "rollcall: contact with redis is back",
	}[n.Phase]
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
	c.logRenewal(c.renewal.failed(s.String()), err)
}

func (c *conn) logRenewal(n logs.Note, err error) {
	switch n.Phase {
	case logs.Began, logs.Lasts:
		c.warn(func(e *zerolog.Event) {
			e.Err(err).EmbedObject(n).Msg("rollcall: leases are not renewed: what redis said names what to change; callers lose the nodes when the leases end")
		})
	case logs.Ended:
		c.warn(func(e *zerolog.Event) { e.EmbedObject(n).Msg("rollcall: leases are renewed again") })
	}
}
