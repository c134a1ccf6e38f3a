package registry

import (
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/redisconn"
	"github.com/rollcall-go/rollcall/internal/replica"
)

// calm is how long no event has to be lost for the next loss to be taken as the
// first.
const calm = time.Minute

// subscribe makes a subscription for all feeds. Each is read again once it is
// acknowledged.
func (h *hub) subscribe() {
	h.gen++
	gen := h.gen
	h.subAt = time.Time{}
	h.sub = newSubscription(h.ctx, h.c.Subscribe(h.ctx), h.c.o.PollInterval, h.c.Meet, func(s signal) {
		h.do(func() {
			if gen == h.gen {
				h.hear(s)
			}
		})
	})
	var asks []ask
	for ch := range h.watches {
		asks = append(asks, ask{channel: ch})
	}
	for name := range h.feeds {
		asks = append(asks, ask{channel: channel{name: name}})
	}
	h.sub.ask(asks...)
}

// renew ends the subscription and makes another, the later the more often it
// fails.
func (h *hub) renew(why error) {
	h.c.Log.Debug(func(e *zerolog.Event) { e.Err(why).Msg("rollcall: subscription ends and is made again") })
	h.end(why)
	h.subAt = time.Now().Add(h.backoff.NextBackOff())
	h.schedule(h.subAt)
	now := time.Now()
	for _, f := range h.feeds {
		f.Unsubscribed(redisconn.Classify(why), now)
		h.after(f, replica.Settled)
	}
	for _, w := range h.watches {
		w.err = redisconn.Classify(why)
		w.tell()
	}
}

// end ends the subscription.
func (h *hub) end(why error) {
	old := h.sub
	h.sub, h.gen = nil, h.gen+1
	h.tasks.Go(func() { // it may be in the middle of a dial that nothing can interrupt
		old.close(why)
		old.wait()
	})
}

// hear takes what the subscription reports.
func (h *hub) hear(s signal) {
	now := time.Now()
	switch {
	case s.message != nil:
		h.message(s.message, now)
	case s.acknowledged != nil:
		h.backoff.Reset()
		if s.acknowledged.pattern {
			h.c.Log.Well(&h.c.unsubscribed, s.acknowledged.name, subscribedAgain)
			if w := h.watches[*s.acknowledged]; w != nil {
				w.subscribed(now)
				h.schedule(now)
			}
			return
		}
		h.c.Log.Well(&h.c.unsubscribed, s.acknowledged.name, subscribedAgain)
		if f := h.feeds[s.acknowledged.name]; f != nil {
			at := now
			if f.Health().Proven { // all at once after a reconnection would be a storm
				at = now.Add(rand.N(time.Duration(len(h.feeds)) * time.Millisecond))
			}
			f.Subscribed(at)
			h.after(f, replica.Settled)
		}
	case s.refused != nil:
		h.refuse(*s.refused, s.err)
	case s.ended:
		if h.ctx.Err() == nil {
			h.c.Reload(h.ctx)
			h.renew(s.err)
		}
	}
}

func (h *hub) message(m *redis.Message, now time.Time) {
	if f := h.feeds[m.Channel]; f != nil && m.Pattern == "" {
		h.after(f, f.message([]byte(m.Payload), now))
	}
	if m.Pattern != "" {
		if w := h.watches[channel{m.Pattern, true}]; w != nil {
			w.heard(h, m)
		}
	}
}

// refuse notes that Redis does not allow a channel. It is asked for again with
// every poll.
func (h *hub) refuse(ch channel, err error) {
	err = redisconn.Classify(err)
	asked := false
	if w := h.watches[ch]; w != nil {
		asked = true
		w.refused = err
		w.tell()
	}
	if f := h.feeds[ch.name]; f != nil && !ch.pattern {
		asked = true
		f.Refused(err, time.Now())
		h.after(f, replica.Settled)
	}
	if asked { // somebody still does
		h.c.Log.Troubled(&h.c.unsubscribed, ch.name, "rollcall: a subscription was refused, and views stay as they are until it is not: see the error, and the rights in docs/protocol.md",
			func(e *zerolog.Event) { e.Err(err).Str("channel", ch.name) })
	}
}

const subscribedAgain = "rollcall: no subscription is refused any more"
