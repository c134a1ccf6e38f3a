package informer

import (
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/redisconn"
	"github.com/rollcall-go/rollcall/internal/replica"
)

// subscribe makes a subscription for all channels. Each service is read again when Redis
// has acknowledged its channel.
func (i *Informer) subscribe() {
	i.session++
	session := i.session
	i.subscribeAt = time.Time{}
	i.sub = newSubscription(i.ctx, i.c.Subscribe(i.ctx), i.o.Poll, i.c.Meet, func(s signal) {
		i.do(func() {
			if session == i.session {
				i.handleSignal(s)
			}
		})
	})
	channels := make([]channel, 0, len(i.watches)+len(i.feeds))
	for ch := range i.watches {
		channels = append(channels, ch)
	}
	for name := range i.feeds {
		channels = append(channels, channel{name: name})
	}
	i.sub.subscribe(channels...)
}

// resubscribe ends the subscription, because it failed or lost events, and has another
// one made after a wait that grows with each failure.
func (i *Informer) resubscribe(why error) {
	i.c.Log.Debug(func(e *zerolog.Event) { e.Err(why).Msg("rollcall: subscription ends and is made again") })
	i.endSubscription(why)
	i.o.Sink.Resubscribed(redisconn.Classify(why))
	now := time.Now()
	i.subscribeAt = now.Add(i.failBackoff.NextBackOff())
	i.wakeAt(i.subscribeAt)
	for _, f := range i.feeds {
		f.state.Unsubscribed(redisconn.Classify(why), now)
		i.publish(f, replica.Settled)
	}
	for _, n := range i.watches {
		n.err = redisconn.Classify(why)
		n.report()
	}
}

// endSubscription ends the subscription, and drops the signals that it has still sent.
func (i *Informer) endSubscription(why error) {
	old := i.sub
	i.sub, i.session = nil, i.session+1
	i.tasks.Go(func() { // it may be in the middle of a dial that nothing can interrupt
		old.close(why)
		old.wait()
	})
}

// handleSignal takes what the subscription reports.
func (i *Informer) handleSignal(s signal) {
	now := time.Now()
	switch {
	case s.message != nil:
		i.handleMessage(s.message, now)
	case s.acknowledged != nil:
		i.acknowledge(*s.acknowledged, now)
	case s.refused != nil:
		i.refuse(*s.refused, s.err, now)
	case s.ended:
		if i.ctx.Err() == nil {
			i.c.Reload(i.ctx)
			i.resubscribe(s.err)
		}
	}
}

func (i *Informer) handleMessage(m *redis.Message, now time.Time) {
	if m.Pattern != "" {
		if n := i.watches[channel{m.Pattern, true}]; n != nil {
			i.handlePatternEvent(n, m)
		}
		return
	}
	if f := i.feeds[m.Channel]; f != nil {
		i.publish(f, f.handleMessage([]byte(m.Payload), now))
	}
}

// acknowledge notes that Redis sends the messages of a channel from now on.
func (i *Informer) acknowledge(ch channel, now time.Time) {
	i.failBackoff.Reset()
	i.accepted(ch.name)
	if ch.pattern {
		if n := i.watches[ch]; n != nil {
			n.subscribed(now)
			i.wakeAt(now)
		}
		return
	}
	if f := i.feeds[ch.name]; f != nil {
		at := now
		if f.Health().Proven { // snapshots of all services at once would be a load peak
			at = now.Add(rand.N(time.Duration(len(i.feeds)) * time.Millisecond))
		}
		f.state.Subscribed(at)
		i.publish(f, replica.Settled)
	}
}

// refuse notes that Redis does not allow a channel. Each poll asks for it again.
func (i *Informer) refuse(ch channel, err error, now time.Time) {
	err = redisconn.Classify(err)
	wanted := false
	if n := i.watches[ch]; n != nil {
		wanted = true
		n.refused = err
		n.report()
	}
	if f := i.feeds[ch.name]; f != nil && !ch.pattern {
		wanted = true
		f.state.Refused(err, now)
		i.publish(f, replica.Settled)
	}
	if wanted { // its last listener may have detached meanwhile
		i.c.Log.Troubled(&i.refused, ch.name, "rollcall: a subscription was refused, and views do not change until redis accepts it: see the error, and the rights in docs/protocol.md",
			func(e *zerolog.Event) { e.Err(err).Str("channel", ch.name) })
	}
}

// accepted notes that a channel is not refused any more, or that no feed needs it.
func (i *Informer) accepted(name string) {
	i.c.Log.Well(&i.refused, name, "rollcall: no subscription is refused any more")
}
