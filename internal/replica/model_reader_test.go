package replica

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rollcall-go/rollcall/internal/record"
)

// A reader owns a Feed as production does: it subscribes, reads, probes and polls when
// the feed says that it is due.
type reader struct {
	host
	feed *Feed
	rep  *Replica // the feed's
	sub  *subscription

	wakes int // so that only the newest counts

	shown map[string]Node // by the changes alone
	truth readerTruth
}

// limit is how long readers and reapers wait for an answer.
const limit = time.Second

func (w *world) newReader() *reader {
	w.ids++
	r := &reader{
		host: host{w: w, name: fmt.Sprintf("reader%d", w.ids)}, shown: map[string]Node{},
		feed: NewFeed(FeedOptions{Poll: w.plan.poll, TTL: w.ttl, between: w.between, off: w.off}, w.local()),
	}
	r.rep = r.feed.Replica
	r.truth.shownRev, r.truth.liveAt = map[string]uint64{}, map[string]time.Duration{}
	w.readers = append(w.readers, r)
	r.subscribe()
	r.wake()
	return r
}

// local is what the clock of every process shows.
func (w *world) local() time.Time { return time.Unix(0, int64(w.now)) }

// redis is a time of Redis's clock.
func redis(clock time.Duration) time.Time { return time.UnixMicro(clock.Microseconds()) }

// answer is the clock in an answer that was asked for then and comes now.
func (w *world) answer(sent, clock time.Duration, from *server) Answer {
	return Answer{Sent: time.Unix(0, int64(sent)), Received: w.local(), Now: redis(clock), Master: from.name}
}

// wake has the reader do what is due at the time that the feed returns.
func (r *reader) wake() {
	r.wakes++
	mine, next := r.wakes, r.feed.Next()
	if next.IsZero() {
		return
	}
	r.later(next.Sub(r.w.local()), func() {
		if mine == r.wakes {
			r.work()
		}
	})
}

// work starts what is due.
func (r *reader) work() {
	now := r.w.local()
	if r.feed.StartRead(now) {
		r.snapshot()
	}
	if q, due := r.feed.StartProbe(now); due {
		r.probe(q)
	}
	if q, due := r.feed.StartPoll(now); due {
		r.poll(q)
	}
	r.wake()
}

// A source says which input made a change.
type source struct {
	name string
	at   time.Duration // when Redis answered, where that is not now
}

// input gives the feed an input and does what it says.
func (r *reader) input(from source, give func() Outcome) {
	before := r.rep.at
	v := give()
	if now := r.rep.at; now != before {
		r.w.note("%s: at rev %d %.6s by %s", r.name, now.Rev, now.Tag, from.name)
	}
	r.w.check(r, from)
	if v >= Reread {
		r.w.troubling(r, from, v)
	}
	if v == Missed && !r.w.isOff(ruleRecreate) {
		r.renew(r.sub)
	}
	r.wake()
}

// subscribe makes a new subscription, and reads the service once it is there.
func (r *reader) subscribe() {
	r.sub = &subscription{w: r.w, of: r}
	if r.w.isOff(ruleSubscribeFirst) {
		r.feed.read(WhySubscribed, r.w.local())
		r.wake()
	} else {
		r.open(r.sub)
	}
}

// open asks for a subscription.
func (r *reader) open(sub *subscription) {
	ask(&r.host, limit, func(s *server) bool {
		sub.server = s
		s.subscriptions = append(s.subscriptions, sub)
		return true
	}, func(_ bool, from *server, ok bool) {
		switch {
		case !ok || sub.broken:
			r.renew(sub)
		case !sub.closed:
			r.w.note("%s: subscribed to %s", r.name, from.name)
			sub.acked = true
			if !r.w.isOff(ruleSubscribeFirst) {
				r.feed.Subscribed(r.w.local())
				r.wake()
			}
		}
	})
}

var errLost = errors.New("the subscription is lost")

// renew ends a subscription that has failed, and makes another.
func (r *reader) renew(sub *subscription) {
	if r.sub == sub && !sub.closed {
		r.w.note("%s: subscribes again", r.name)
		sub.closed = true
		r.feed.Unsubscribed(errLost, r.w.local())
		r.later(r.w.between(time.Millisecond, 200*time.Millisecond), r.subscribe)
		r.wake()
	}
}

func (r *reader) event(e record.Event) {
	r.input(source{name: "event"}, func() Outcome { return r.feed.Event(e, r.w.local()) })
}

// live takes the message of nodes that they live.
func (r *reader) live(l record.Live) {
	r.w.receiveLive(r, l, func(l record.Live) {
		r.input(source{name: "live"}, func() Outcome {
			r.feed.Live(l, r.w.local())
			return Settled
		})
	})
}

// An indexReply is what one MULTI reads.
type indexReply struct {
	version Point
	log     []record.LogEntry
	ends    []end
	clock   time.Duration
}

func (s *server) indexReply() indexReply {
	return indexReply{version: s.version, log: s.log, ends: s.ends(), clock: s.clock()}
}

// poll compares the version and the size of the index, and finds leases that
// have ended.
func (r *reader) poll(q Question) {
	w, sent := r.w, r.w.now
	var asked time.Duration
	ask(&r.host, limit, func(s *server) indexReply {
		asked = w.now
		return s.indexReply()
	}, func(l indexReply, from *server, ok bool) {
		if !ok {
			r.feed.PollFailed(errLate, w.local())
			r.wake()
			return
		}
		read := l.ends[:min(q.Ends, len(l.ends))]
		p := Poll{Point: l.version, Members: len(l.ends), Answer: w.answer(sent, l.clock, from)}
		p.End = func(id string) (at time.Time) {
			for _, e := range l.ends {
				if e.id == id {
					return time.UnixMilli(e.at)
				}
			}
			return at
		}
		p.Overdue, p.Next = overdue(read, l.clock)
		p.Crowded = 0 < len(read) && len(read) < len(l.ends) && p.Next.IsZero()
		check := false
		r.input(source{name: "poll", at: asked}, func() (v Outcome) {
			check, v = r.feed.Polled(q, p, w.local())
			return v
		})
		switch {
		case check && p.Crowded:
			r.expired(l.clock)
		case check:
			r.missing(r.feed.Overdue(p.Overdue, time.Time{}))
		}
	})
}

// overdue returns the nodes whose leases have ended, and the next end. Redis keeps the hash
// through the millisecond of the end.
func overdue(ends []end, clock time.Duration) (ids []string, next time.Time) {
	for _, e := range ends {
		if e.at >= clock.Milliseconds() {
			return ids, time.UnixMilli(e.at)
		}
		ids = append(ids, e.id)
	}
	return ids, time.Time{}
}

// expired reads which leases have ended by then, where a poll has not read all of them.
func (r *reader) expired(clock time.Duration) {
	ask(&r.host, limit, (*server).ends, func(ends []end, _ *server, ok bool) {
		if !ok {
			r.feed.CheckFailed(errLate, r.w.local())
			r.wake()
			return
		}
		ids, next := overdue(ends, clock)
		ids = r.feed.Overdue(ids, next)
		r.wake()
		r.missing(ids)
	})
}

var errLate = errors.New("no answer in time")

func (r *reader) probe(q Question) {
	ask(&r.host, limit, func(s *server) Point { return s.version }, func(p Point, _ *server, ok bool) {
		var err error
		if !ok {
			err = errLate
		}
		r.input(source{name: "probe"}, func() Outcome { return r.feed.Probed(q, p, err, r.w.local()) })
	})
}

// missing removes those of the nodes that have no hash.
func (r *reader) missing(ids []string) {
	if len(ids) == 0 {
		return
	}
	w, q := r.w, r.feed.Question()
	var asked time.Duration
	ask(&r.host, limit, func(s *server) []string {
		asked = w.now
		return slices.DeleteFunc(slices.Clone(ids), func(id string) bool {
			end, listed := s.index[id] // or all was lost since the poll, and it may live
			ended := listed && end <= s.clockMS() || w.isOff(ruleListed)
			gone := !s.alive(id) || w.isOff(ruleHash)
			return !ended || !gone
		})
	}, func(gone []string, from *server, ok bool) {
		if !ok {
			r.feed.CheckFailed(errLate, w.local())
			r.wake()
			return
		}
		r.input(source{name: "missing", at: asked}, func() Outcome {
			r.feed.Missing(q, gone, from.name, w.local())
			return Settled
		})
	})
}
