package informer

import (
	"errors"
	"time"

	"github.com/rollcall-go/rollcall/internal/actor"
	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/replica"
)

// coalesceWindow is how much sooner than due a service is polled, to share a pipeline
// with others.
const coalesceWindow = 50 * time.Millisecond

// lossResetAfter is after how long without lost events the backoff between
// subscriptions that lose events starts anew.
const lossResetAfter = time.Minute

// run is the loop.
func (i *Informer) run() {
	for i.ctx.Err() == nil {
		if i.inbox.Drain() {
			continue
		}
		now := time.Now()
		if !i.due.After(now) {
			i.due = i.work(now)
			continue
		}
		i.inbox.Until(i.ctx, i.due)
	}
	if i.sub != nil {
		i.sub.close(errdefs.ErrClosed)
		i.sub.wait()
	}
}

// wakeAt has the loop work at that time at the latest. Zero is never.
func (i *Informer) wakeAt(at time.Time) {
	if !at.IsZero() {
		i.due = actor.Earlier(i.due, at)
	}
}

// reschedule notes when a feed has something to do next. One that was dropped has nothing.
func (i *Informer) reschedule(f *Feed) {
	if len(f.listeners) > 0 {
		i.schedule.Set(f, f.state.Next())
		i.wakeAt(i.schedule.First())
	}
}

// work starts what is due, and returns when there will be something again.
func (i *Informer) work(now time.Time) time.Time {
	i.due = now.Add(time.Hour)
	if len(i.feeds) == 0 && len(i.watches) == 0 {
		if i.sub != nil { // no feed needs it any more
			i.endSubscription(errdefs.ErrWatcherStopped)
		}
		return i.due
	}
	if i.sub == nil {
		if i.subscribeAt.After(now) {
			i.wakeAt(i.subscribeAt)
		} else {
			i.subscribe()
		}
	}
	var polls []duePoll
	for _, f := range i.schedule.Take(now.Add(coalesceWindow), len(i.feeds)) {
		polls = i.startDue(f, now, polls)
		i.schedule.Set(f, f.state.Next())
	}
	i.poll(i.joinPolls(now, polls))
	i.wakeAt(i.schedule.First())
	for _, n := range i.watches {
		i.refresh(n, now)
	}
	return i.due
}

// startDue starts what is due of a feed. Polls are collected, to share pipelines.
func (i *Informer) startDue(f *Feed, now time.Time, polls []duePoll) []duePoll {
	if f.state.StartRead(now) {
		i.snapshot(f)
	}
	if q, due := f.state.StartProbe(now); due {
		i.probe(f, q)
	}
	late := f.state.PollLate(now)
	if q, due := f.state.StartPoll(now.Add(coalesceWindow)); due {
		if f.Health().Refused != nil && i.sub != nil { // the user may have the right by now
			i.sub.subscribe(channel{name: f.service.Events(i.c.DB)})
		}
		polls = append(polls, duePoll{f, q, late})
	}
	return polls
}

// joinPolls adds the polls that are due soon, if any is due now: one more in a MULTI costs
// Redis about a tenth of one that comes alone.
func (i *Informer) joinPolls(now time.Time, polls []duePoll) []duePoll {
	if len(polls) == 0 || len(polls) >= pollsTogether {
		return polls
	}
	for _, f := range i.schedule.Take(now.Add(i.o.Poll/6), pollsTogether-len(polls)) {
		if q, due := f.state.JoinPoll(now); due {
			polls = append(polls, duePoll{f, q, 0}) // it is sooner than due
		}
		i.schedule.Set(f, f.state.Next())
	}
	return polls
}

// publish reports to the listeners of a feed what an input has changed, and does what the
// outcome on the input asks for.
func (i *Informer) publish(f *Feed, v replica.Outcome) {
	if changes := f.state.Changes(time.Now()); len(changes) > 0 {
		f.changed(changes...)
		for l := range f.listeners {
			l.Changed(f, changes)
		}
	}
	if health := f.Health(); health != f.reported {
		f.reported = health
		i.o.Sink.HealthChanged(f)
		f.changed()
		for l := range f.listeners {
			l.HealthChanged(f)
		}
	}
	i.reschedule(f)
	if v == replica.Missed {
		i.o.Sink.Gap(f.service)
	}
	// Where events never come, because Redis refuses PUBLISH to the registrar, a new
	// subscription brings none either: the waits between two of them grow.
	if now := time.Now(); v == replica.Missed && i.sub != nil && now.After(i.lossAfter) {
		if now.Sub(i.lossAfter) > lossResetAfter {
			i.lossBackoff.Reset()
		}
		i.lossAfter = now.Add(i.lossBackoff.NextBackOff())
		i.c.Reload(i.ctx)
		i.resubscribe(errors.New("polls show changes that it did not bring"))
	}
}

// feed returns the feed of a service, or nil where no listener follows it.
func (i *Informer) feed(service keys.Service) *Feed { return i.feeds[service.Events(i.c.DB)] }

// attach has l follow a service, and calls it with what is known already.
func (i *Informer) attach(service keys.Service, l Listener) *Feed {
	ch := service.Events(i.c.DB)
	f := i.feeds[ch]
	if f == nil {
		now := time.Now()
		f = &Feed{
			service: service, listeners: map[Listener]bool{},
			state: replica.NewFeed(replica.FeedOptions{Poll: i.o.Poll, TTL: i.o.TTL}, now),
		}
		i.feeds[ch] = f
		i.schedule.Set(f, f.state.Next())
		if i.sub != nil {
			i.sub.subscribe(channel{name: ch})
		}
		i.wakeAt(now)
	}
	f.listeners[l] = true
	l.Initial(f)
	l.HealthChanged(f)
	return f
}

// detach ends that. A feed without listeners is dropped.
func (i *Informer) detach(f *Feed, l Listener) {
	delete(f.listeners, l)
	ch := f.service.Events(i.c.DB)
	if len(f.listeners) > 0 || i.feeds[ch] != f {
		return
	}
	delete(i.feeds, ch)
	i.schedule.Set(f, time.Time{})
	i.c.Left(f.subject())
	i.accepted(ch)
	if i.sub != nil {
		i.sub.unsubscribe(channel{name: ch})
	}
	i.wakeAt(time.Now())
}
