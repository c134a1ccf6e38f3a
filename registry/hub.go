package registry

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/rollcall-go/rollcall/internal/actor"
	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/replica"
)

// pollWindow is how much sooner than due a service is polled to share a trip.
const pollWindow = 50 * time.Millisecond

// A hub feeds all watches of one registry from one subscription. It owns a
// single goroutine, run, which owns the feeds; what waits for the network runs
// in tasks of its own and comes back as a call in the inbox.
//
//	subscription --> inbox --> run --> replica --> followers
//	snapshot, probe, poll --^   |
//	        ^-------------------+
type hub struct {
	c       *conn
	inbox   *actor.Queue
	ctx     context.Context
	tasks   *actor.Group  // of run and of everything that it starts
	reading chan struct{} // limits snapshots under way

	feeds   map[string]*feed // by channel
	feedsBy schedule         // by when they have something to do
	due     time.Time        // when there is something to do
	sub     *subscription
	gen     int       // of sub
	subAt   time.Time // when to make the next one; zero while one stands
	backoff *backoff.ExponentialBackOff
	missed  *backoff.ExponentialBackOff // between subscriptions that lost events
	missAt  time.Time                   // before that, none is made anew for lost events
	watches map[channel]*namespaceWatch
}

func newHub(ctx context.Context, c *conn, tasks *actor.Group) *hub {
	h := &hub{
		c: c, inbox: actor.NewQueue(), ctx: ctx, tasks: tasks, reading: make(chan struct{}, maxReading),
		feeds: map[string]*feed{}, watches: map[channel]*namespaceWatch{}, backoff: actor.Retries(c.o.PollInterval),
		missed: backoff.NewExponentialBackOff(backoff.WithInitialInterval(c.o.PollInterval), backoff.WithMaxElapsedTime(0)),
	}
	tasks.Go(h.run)
	return h
}

// run is the hub's goroutine.
func (h *hub) run() {
	for h.ctx.Err() == nil {
		if h.inbox.Drain() {
			continue
		}
		now := time.Now()
		if !h.due.After(now) {
			h.due = h.work(now)
			continue
		}
		h.inbox.Until(h.ctx, h.due)
	}
	if h.sub != nil {
		h.sub.close(ErrClosed)
		h.sub.wait()
	}
}

// do has call run in the hub's goroutine.
func (h *hub) do(call func()) { h.inbox.Add(call) }

// schedule notes that something is to be done at a time.
func (h *hub) schedule(at time.Time) {
	if !at.IsZero() {
		h.due = actor.Earlier(h.due, at)
	}
}

// plan notes when a feed has something to do next.
func (h *hub) plan(f *feed) {
	h.feedsBy.move(f, f.Next())
	h.schedule(h.feedsBy.first())
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
	var polls []duePoll
	for _, f := range h.feedsBy.take(now.Add(pollWindow)) {
		polls = h.start(f, now, polls)
		h.feedsBy.add(f, f.Next())
	}
	h.schedule(h.feedsBy.first())
	h.poll(polls)
	for _, n := range h.watches {
		h.list(n, now)
	}
	return h.due
}

// start starts what is due of a feed. Polls that fall due soon go pollWindow.
func (h *hub) start(f *feed, now time.Time, polls []duePoll) []duePoll {
	if f.StartRead(now) {
		h.read(f)
	}
	if q, due := f.StartProbe(now); due {
		h.probe(f, q)
	}
	if q, due := f.StartPoll(now.Add(pollWindow)); due {
		if f.Health().Refused != nil && h.sub != nil { // the right may have been given since
			h.sub.ask(ask{channel: channel{name: f.service.Events(h.c.DB)}})
		}
		polls = append(polls, duePoll{f, q})
	}
	return polls
}

// after hands on what an input changed, and does what its verdict asks for.
func (h *hub) after(f *feed, v replica.Verdict) {
	if changes := f.Changes(time.Now()); len(changes) > 0 {
		f.view = nil
		for w := range f.followers {
			w.changed(f, changes)
		}
	}
	if health := f.Health(); health != f.told {
		f.told, f.view = health, nil
		for w := range f.followers {
			w.fares(f)
		}
	}
	h.plan(f)
	// Where events never come, because PUBLISH is refused to the registrar, a new
	// subscription brings none either: it is made ever more seldom.
	if now := time.Now(); v == replica.Missed && h.sub != nil && now.After(h.missAt) {
		if now.Sub(h.missAt) > calm {
			h.missed.Reset()
		}
		h.missAt = now.Add(h.missed.NextBackOff())
		h.c.Reload(h.ctx)
		h.renew(errors.New("polls show changes that it did not bring"))
	}
}

// feed returns the feed of a service, or nil where nobody follows it.
func (h *hub) feed(service keys.Service) *feed {
	return h.feeds[service.Events(h.c.DB)]
}

// attach has w follow a service, and tells it what is known already.
func (h *hub) attach(service keys.Service, w listener) *feed {
	ch := service.Events(h.c.DB)
	f := h.feeds[ch]
	if f == nil {
		now := time.Now()
		f = &feed{
			Feed:    replica.NewFeed(replica.FeedOptions{Poll: h.c.o.PollInterval, TTL: DefaultTTL}, now),
			service: service, followers: map[listener]bool{},
		}
		h.feeds[ch] = f
		h.feedsBy.add(f, f.Next())
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
	ch := f.service.Events(h.c.DB)
	if len(f.followers) > 0 || h.feeds[ch] != f {
		return
	}
	delete(h.feeds, ch)
	h.feedsBy.remove(f)
	h.c.Left(f.subject())
	h.c.Log.Well(&h.c.unsubscribed, ch, subscribedAgain)
	if h.sub != nil {
		h.sub.ask(ask{channel: channel{name: ch}, leave: true})
	}
	h.schedule(time.Now())
}
