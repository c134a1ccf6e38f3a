package redisconn

import (
	"context"
	"errors"
	"time"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/internal/logs"
	"github.com/rollcall-go/rollcall/internal/lua"
)

// Attempted takes what came of a trip to Redis for a subject, such as a service. All
// services and actors of a registry share one outage, and its few lines in the log.
func (c *Conn) Attempted(subject string, err error) {
	if errors.Is(err, context.Canceled) || errors.Is(err, errdefs.ErrClosed) {
		return // that says nothing of Redis
	}
	if !IsOutage(err) {
		c.contacted.Store(true)
		c.logOutage(c.outage.Recovered(subject), nil)
		return
	}
	c.logOutage(c.outage.Failed(subject), err)
}

// OutageSince is when contact with Redis was lost; zero while there is contact.
func (c *Conn) OutageSince() time.Time { return c.outage.Since() }

// IsOutage reports whether an error says that Redis was not reached.
func IsOutage(err error) bool {
	return err != nil && errors.Is(Classify(err), errdefs.ErrUnavailable) && lua.Refusal(err) == ""
}

func (c *Conn) logOutage(n logs.Note, err error) {
	text := map[logs.Phase]string{
		logs.Began: "rollcall: contact with redis is lost: leases are not renewed, and callers use the nodes that were known last; check that it runs and can be reached",
		logs.Lasts: "rollcall: there is still no contact with redis: leases are not renewed, and callers use the nodes that were known last; check that it runs and can be reached",
		logs.Ended: "rollcall: contact with redis is back",
	}[n.Phase]
	if n.Phase == logs.Began && !c.contacted.Load() && !c.met.Load() {
		text = "rollcall: no contact with redis yet; trying again. Check that it runs and can be reached"
	}
	if text != "" {
		c.Log.Warn(func(e *zerolog.Event) { e.Err(errdefs.OneLine(err)).Str("redis", c.Where()).EmbedObject(n).Msg(text) })
	}
}
