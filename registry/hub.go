package registry

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/replica"
)

// A hub feeds all watches of one registry from one subscription. It owns a
// single goroutine, run, which owns the feeds; what waits for the network runs
// in tasks of its own and comes back as a call in the inbox.
//
//	subscription --> inbox --> run --> replica --> followers
//	snapshot, probe, poll --^   |
//	        ^-------------------+
type hub struct {
	c       *conn
	inbox   *queue
	ctx     context.Context
	tasks   *sync.WaitGroup // of run and of everything that it starts
	reading chan struct{}   // limits snapshots under way

	feeds   map[string]*feed // by channel
	due     time.Time        // when the earliest of them has something to do
	sub     *subscription
	gen     int       // of sub
	subAt   time.Time // when to make the next one; zero while one stands
	backoff *backoff.ExponentialBackOff
	watches map[channel]*namespaceWatch
}

// maxReading is how many snapshots are under way at once: Redis has others to
// serve.
const maxReading = 8

func newHub(ctx context.Context, c *conn, tasks *sync.WaitGroup) *hub {
	h := &hub{
		c: c, inbox: newQueue(), ctx: ctx, tasks: tasks, reading: make(chan struct{}, maxReading),
		feeds: map[string]*feed{}, watches: map[channel]*namespaceWatch{}, backoff: retries(c.o.PollInterval),
	}
	tasks.Go(h.run)
	return h
}

// run is the hub's goroutine.
func (h *hub) run() {
	for h.ctx.Err() == nil {
		if h.inbox.drain() {
			continue
		}
		now := time.Now()
		if !h.due.After(now) {
			h.due = h.work(now)
			continue
		}
		until(h.ctx, h.due, h.inbox.wake)
	}
	if h.sub != nil {
		h.sub.close(ErrClosed)
		h.sub.wait()
	}
}

// do has call run in the hub's goroutine.
func (h *hub) do(call func()) { h.inbox.add(call) }

// schedule notes that something is to be done at a time.
func (h *hub) schedule(at time.Time) {
	if !at.IsZero() {
		h.due = earlier(h.due, at)
	}
}

// work starts whatever is due, and returns when something will be next.
func (h *hub) work(now time.Time) time.Time {
	h.due = now.Add(time.Hour)
	if len(h.feeds) == 0 && len(h.watches) == 0 {
		return h.due
	}
	if h.sub == nil {
		if h.subAt.After(now) {
			h.schedule(h.subAt)
		} else {
			h.subscribe()
		}
	}
	var polls []*feed
	for _, f := range h.feeds {
		if at := f.next(); !at.IsZero() && !at.After(now.Add(together)) {
			polls = h.start(f, now, polls)
		}
		h.schedule(f.next())
	}
	h.poll(polls)
	for _, n := range h.watches {
		h.list(n, now)
	}
	return h.due
}

// start starts what is due of a feed. Polls that fall due soon go together.
func (h *hub) start(f *feed, now time.Time, polls []*feed) []*feed {
	if !f.rereadAt.IsZero() && !f.rereadAt.After(now) && !f.reading && f.subscribed {
		h.read(f)
	}
	if !f.probeAt.IsZero() && !f.probeAt.After(now) && !f.probing && !f.reading {
		h.probe(f)
	}
	if !f.pollAt.After(now.Add(together)) && !f.polling {
		f.polling = true
		polls = append(polls, f)
	}
	return polls
}

// task runs wait outside of the hub's goroutine, bounded, and then done in it.
func (h *hub) task(wait func(ctx context.Context), done func(now time.Time)) {
	h.tasks.Go(func() {
		ctx, cancel := h.c.bound(h.ctx)
		wait(ctx)
		cancel()
		h.do(func() { done(time.Now()) })
	})
}

func (h *hub) read(f *feed) {
	f.reading, f.rereadAt = true, time.Time{}
	f.replica.Begin()
	gen := h.gen
	var snap reading
	var err error
	h.task(func(ctx context.Context) {
		select {
		case h.reading <- struct{}{}:
			defer func() { <-h.reading }()
			snap, err = h.c.snapshot(ctx, f.name)
		case <-ctx.Done():
			err = ctx.Err()
		}
	}, func(now time.Time) {
		if err != nil {
			h.c.failed(h.ctx)
		}
		if err == nil && (gen != h.gen || !f.subscribed) {
			f.reading = false
			f.replica.Abandon() // events may have been lost meanwhile: once more
			f.reread(now)
			return
		}
		h.after(f, f.read(snap, err, h.c.o.PollInterval, now))
	})
}

func (h *hub) probe(f *feed) {
	f.probing, f.probeAt = true, time.Time{}
	mark, arrivals := f.replica.Mark(), f.replica.Arrivals()
	var p replica.Point
	var err error
	h.task(func(ctx context.Context) {
		p, err = point(h.c.HMGet(ctx, f.keys.Version(), "epoch", "rev", "tag").Result())
	}, func(now time.Time) {
		f.probing = false
		if err != nil {
			h.c.failed(h.ctx)
			f.fail(err, now)
			f.probeAt = now.Add(between(doubtLatest, 2*doubtLatest))
			h.after(f, false)
			return
		}
		h.after(f, f.follow(f.replica.Probe(p, mark, arrivals), now))
	})
}

// pollsTogether is how many services are polled in one pipeline.
const pollsTogether = 100

func (h *hub) poll(feeds []*feed) {
	for len(feeds) > 0 {
		chunk := feeds[:min(pollsTogether, len(feeds))]
		feeds = feeds[len(chunk):]
		services := make([]keys.Service, len(chunk))
		marks, arrivals := make([]uint64, len(chunk)), make([]uint64, len(chunk))
		for i, f := range chunk {
			services[i], marks[i], arrivals[i] = f.keys, f.replica.Mark(), f.replica.Arrivals()
		}
		var looks []look
		h.task(func(ctx context.Context) {
			looks = h.c.look(ctx, services)
		}, func(now time.Time) {
			for i, f := range chunk {
				if looks[i].err != nil {
					h.c.failed(h.ctx)
				}
				check, missed := f.looked(looks[i], marks[i], arrivals[i], h.c.o.PollInterval, now)
				if len(check) > 0 {
					h.check(f, check)
				}
				h.after(f, missed)
			}
		})
	}
}

// check looks for the hashes of nodes whose leases have ended: nobody may be
// left to reap them.
func (h *hub) check(f *feed, ids []string) {
	mark := f.replica.Mark()
	var gone []string
	var err error
	h.task(func(ctx context.Context) {
		gone, err = h.c.vanished(ctx, f.keys, ids)
	}, func(now time.Time) {
		if err == nil {
			f.replica.Missing(gone, mark, f.contact.at(now))
			h.after(f, false)
		}
	})
}

// after hands on what an input changed.
func (h *hub) after(f *feed, missed bool) {
	if changes := f.replica.Changes(); len(changes) > 0 {
		f.view = nil
		for w := range f.followers {
			w.changed(f, changes)
		}
	}
	if f.health.holding = f.replica.Holding(); f.health != f.told {
		f.told, f.view = f.health, nil
		for w := range f.followers {
			w.fares(f)
		}
	}
	h.schedule(f.next())
	if missed && h.sub != nil {
		h.c.failed(h.ctx)
		h.renew(errors.New("polls show changes that it did not bring"))
	}
}

// subscribe makes a subscription for all feeds. Each is read again once it is
// acknowledged.
func (h *hub) subscribe() {
	h.gen++
	gen := h.gen
	h.subAt = time.Time{}
	h.sub = newSubscription(h.ctx, h.c.Subscribe(h.ctx), h.c.o.PollInterval, func(s signal) {
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
	h.c.o.Logger.Debug().Err(why).Msg("rollcall: subscription ends and is made again")
	old := h.sub
	h.sub, h.gen = nil, h.gen+1
	h.subAt = time.Now().Add(h.backoff.NextBackOff())
	h.schedule(h.subAt)
	old.close(why)
	h.tasks.Go(old.wait)
	now := time.Now()
	for _, f := range h.feeds {
		f.subscribed = false
		f.fail(why, now)
		h.after(f, false)
	}
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
			if w := h.watches[*s.acknowledged]; w != nil {
				w.subscribed(now)
				h.schedule(now)
			}
			return
		}
		if f := h.feeds[s.acknowledged.name]; f != nil {
			f.subscribed, f.health.refused = true, nil
			// All at once after a reconnection would be a storm.
			f.reread(now.Add(rand.N(time.Duration(len(h.feeds)) * time.Millisecond)))
			h.after(f, false)
		}
	case s.refused != nil:
		h.refuse(*s.refused, s.err)
	case s.ended:
		if h.ctx.Err() == nil {
			h.c.failed(h.ctx)
			h.renew(s.err)
		}
	}
}

func (h *hub) message(m *redis.Message, now time.Time) {
	if f := h.feeds[m.Channel]; f != nil && m.Pattern == "" {
		h.after(f, f.event(m.Payload, now))
	}
	if m.Pattern != "" {
		if w := h.watches[channel{m.Pattern, true}]; w != nil {
			w.heard(h, m.Channel)
		}
	}
}

// refuse notes that Redis does not allow a channel.
func (h *hub) refuse(ch channel, err error) {
	err = classify(err)
	h.c.o.Logger.Warn().Err(err).Str("channel", ch.name).Msg("rollcall: a subscription was refused: allow the channel to the user")
	if ch.pattern {
		if w := h.watches[ch]; w != nil {
			w.refused(err)
		}
		return
	}
	if f := h.feeds[ch.name]; f != nil {
		f.health.refused = err
		f.fail(err, time.Now())
		h.after(f, false)
	}
}

// attach has w follow a service, and tells it what is known already.
func (h *hub) attach(name serviceName, w listener) *feed {
	k := h.c.space.Service(name.namespace, name.name)
	ch := k.Events(h.c.db)
	f := h.feeds[ch]
	if f == nil {
		now := time.Now()
		f = &feed{
			name: name, keys: k, replica: replica.New(), followers: map[listener]bool{},
			pollAt: now.Add(rand.N(h.c.o.PollInterval)),
		}
		h.feeds[ch] = f
		if h.sub != nil {
			h.sub.ask(ask{channel: channel{name: ch}})
		}
		h.schedule(now)
	}
	f.followers[w] = true
	w.stands(f)
	w.fares(f)
	return f
}

// detach ends it. A feed that nobody follows is let go.
func (h *hub) detach(f *feed, w listener) {
	delete(f.followers, w)
	ch := f.keys.Events(h.c.db)
	if len(f.followers) > 0 || h.feeds[ch] != f {
		return
	}
	delete(h.feeds, ch)
	if h.sub != nil {
		h.sub.ask(ask{channel: channel{name: ch}, leave: true})
	}
}
