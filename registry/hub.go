package registry

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
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
	missed  *backoff.ExponentialBackOff // between subscriptions that lost events
	missAt  time.Time                   // before that, none is made anew for lost events
	watches map[channel]*namespaceWatch
}

// calm is how long no event has to be lost for the next loss to be taken as the
// first.
const calm = time.Minute

// refusedAgain is when a channel that was refused is asked for again: somebody may
// have mended the rights.
const refusedAgain = 30 * time.Second

// maxReading is how many snapshots are under way at once: Redis has others to
// serve.
const maxReading = 8

func newHub(ctx context.Context, c *conn, tasks *sync.WaitGroup) *hub {
	h := &hub{
		c: c, inbox: newQueue(), ctx: ctx, tasks: tasks, reading: make(chan struct{}, maxReading),
		feeds: map[string]*feed{}, watches: map[channel]*namespaceWatch{}, backoff: retries(c.o.PollInterval),
		missed: backoff.NewExponentialBackOff(backoff.WithInitialInterval(c.o.PollInterval), backoff.WithMaxElapsedTime(0)),
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
		if h.sub != nil { // nobody is left to hear it
			h.end(ErrWatcherStopped)
		}
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
		if f.health.refused != nil && h.sub != nil { // the right may have been given since
			h.sub.ask(ask{channel: channel{name: f.keys.Events(h.c.db)}})
		}
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
			h.after(f, false)
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
		h.task(func(ctx context.Context) {
			h.c.look(ctx, services, func(which []int, looks []look) {
				h.do(func() {
					for j, i := range which {
						h.looked(chunk[i], looks[j], marks[i], arrivals[i])
					}
				})
			})
		}, func(time.Time) {})
	}
}

func (h *hub) looked(f *feed, l look, mark, arrivals uint64) {
	if l.err != nil {
		h.c.failed(h.ctx)
	}
	if now := time.Now(); f.health.refused != nil && h.sub != nil && now.After(f.askAt) {
		f.askAt = now.Add(refusedAgain)
		h.sub.ask(ask{channel: channel{name: f.keys.Events(h.c.db)}})
	}
	judge, missed := f.looked(l, mark, arrivals, h.c.o.PollInterval, time.Now())
	switch {
	case judge && l.crowded:
		h.ended(f, l.now)
	case judge:
		h.check(f, l.overdue)
	}
	h.after(f, missed)
}

// ended reads which leases have ended, where a poll has not seen all of them.
func (h *hub) ended(f *feed, at time.Time) {
	var ids []string
	var next time.Time
	var err error
	h.task(func(ctx context.Context) {
		ids, next, err = h.c.ended(ctx, f.keys, at)
	}, func(time.Time) {
		if err == nil {
			f.expect(next)
			h.schedule(f.next())
			h.check(f, ids)
		}
	})
}

// check looks for the hashes of nodes whose leases have ended: nobody may be
// left to reap them.
func (h *hub) check(f *feed, ids []string) {
	ids = slices.DeleteFunc(ids, func(id string) bool { return !f.replica.Shows(id) })
	if len(ids) == 0 {
		return
	}
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
	// A subscription that a snapshot has not followed yet is not to blame. Where
	// events never come, because PUBLISH is refused to the registrar, a new one
	// brings none either: it is made ever more seldom.
	if now := time.Now(); missed && f.covered && h.sub != nil && now.After(h.missAt) {
		if now.Sub(h.missAt) > calm {
			h.missed.Reset()
		}
		h.missAt = now.Add(h.missed.NextBackOff())
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
	h.end(why)
	h.subAt = time.Now().Add(h.backoff.NextBackOff())
	h.schedule(h.subAt)
	now := time.Now()
	for _, f := range h.feeds {
		f.subscribed, f.covered = false, false
		f.fail(why, now)
		h.after(f, false)
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
			if w := h.watches[*s.acknowledged]; w != nil {
				w.subscribed(now)
				h.schedule(now)
			}
			return
		}
		if f := h.feeds[s.acknowledged.name]; f != nil {
			f.subscribed, f.health.refused = true, nil
			at := now
			if f.health.proven { // all at once after a reconnection would be a storm
				at = now.Add(rand.N(time.Duration(len(h.feeds)) * time.Millisecond))
			}
			f.reread(at)
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

// refuse notes that Redis does not allow a channel. It is asked for again with
// every poll.
func (h *hub) refuse(ch channel, err error) {
	err = classify(err)
	again := false
	if w := h.watches[ch]; w != nil {
		again = w.refused != nil
		w.refused = err
		w.tell()
	}
	if f := h.feeds[ch.name]; f != nil && !ch.pattern {
		again = f.health.refused != nil
		f.health.refused, f.askAt = err, time.Now().Add(refusedAgain)
		f.fail(err, time.Now())
		h.after(f, false)
	}
	if !again {
		h.c.o.Logger.Warn().Err(err).Str("channel", ch.name).Msg("rollcall: a subscription was refused: allow the channel to the user")
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
	h.schedule(time.Now())
}
