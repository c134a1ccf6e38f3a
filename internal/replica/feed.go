package replica

import (
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/rollcall-go/rollcall/internal/record"
)

// A Feed keeps the Replica of one service up to date: it decides when to read the
// service, to probe its version and to poll it, and takes the answers. It has no sockets
// and no timers. Its owner sends what is due, hands in the answer or the failure, and
// asks Next when something will be due again.
type Feed struct {
	Replica *Replica
	Clock   ServerClock

	o      FeedOptions
	health Health
	lapses map[string]Lapse

	subscribed bool // Redis has acknowledged the subscription
	covered    bool // a snapshot has counted since then
	session    int  // grows with each subscription that ends

	readAt     time.Time // when to take a snapshot; zero: none is needed
	why        Why       // to take it
	reading    bool      // one is under way
	readingFor int       // the session in which it began
	uncounted  int       // snapshots in a row that did not count

	wantedSince time.Time // when a version was found that no event has brought yet; zero: none was
	probeAt     time.Time // when to probe; zero: nothing is unexplained
	probing     bool

	roundAt  time.Time     // when to poll next; zero: a poll is under way
	roundEnd time.Time     // how far events may put that off
	wait     time.Duration // between two polls, at most
	pollAt   time.Time     // when to poll for another reason; zero: there is none
	polling  bool
	polled   time.Time     // when the last poll was answered; zero after one that failed
	owed     time.Duration // contact until then that is not yet counted for the holds
	firstEnd time.Time     // Redis's: no lease ends before; zero: not known

	unchecked   bool      // the nodes whose leases have ended could not be checked
	vacantSince time.Time // since when no node is shown; zero while one is
}

// FeedOptions are the settings of a Feed.
type FeedOptions struct {
	Poll time.Duration // the longest time between two polls, or between an event that chains and a poll
	TTL  time.Duration // contact is measured by it where no node is shown

	between func(least, most time.Duration) time.Duration // a random time; nil: by math/rand
	off     rule
}

// Health is how far the nodes of a feed can be trusted, and why.
type Health struct {
	Proven     bool      // a snapshot has counted: the nodes are known
	Refused    error     // Redis refuses the subscription
	StaleSince time.Time // ours; zero while the nodes are up to date
	Err        error     // why they are not
	Holding    uint64    // is another number when the hold of a node has begun or ended

	RefusedSince time.Time // ours: when Redis began to refuse renewals, as registries report; zero: it does not
	Refusal      Refusal
}

// A Lapse is a node whose lease ran out, and when that was found, by our clock.
type Lapse struct {
	Node  Node
	Point Point
	Time  time.Time
}

// A Question is what was known when a probe, a poll or a check was sent. The owner hands
// it in with the answer: an answer proves nothing about what came later.
type Question struct {
	mark, arrivals uint64

	Ends int // of a poll: how many lease ends it reads, the earliest ones
}

// The waits of a feed. A probe comes late enough for events that are on their way. The
// poll after a lease end comes late enough for a reaper to act, and not at the same
// moment in all readers.
const (
	probeSoonest, probeLatest = 40 * time.Millisecond, 200 * time.Millisecond
	endSoonest, endLatest     = 50 * time.Millisecond, 300 * time.Millisecond
	maxUncounted              = 3
)

// NewFeed returns a feed of which nothing is known. The first snapshot is due when it is
// subscribed, and brings a poll with it. One without a snapshot comes in the second half of
// FeedOptions.Poll: sooner it would need a connection beside that of the snapshot.
func NewFeed(o FeedOptions, now time.Time) *Feed {
	f := &Feed{Replica: New(), o: o, lapses: map[string]Lapse{}}
	f.Replica.off, f.Clock.off = o.off, o.off
	f.roundAt = now.Add(f.between(o.Poll/2, o.Poll))
	return f
}

func (f *Feed) between(least, most time.Duration) time.Duration {
	switch {
	case f.o.between != nil:
		return f.o.between(least, most)
	case most <= least:
		return least
	}
	return least + rand.N(most-least)
}

// is reports whether a rule is on. Tests switch rules off.
func (f *Feed) is(r rule) bool { return f.o.off&r == 0 }

// Health returns how far the nodes can be trusted.
func (f *Feed) Health() Health { return f.health }

// Changes returns the changes since the last call. The owner calls it after each input.
func (f *Feed) Changes(now time.Time) []Change {
	changes := f.Replica.Changes()
	f.lapse(changes, now)
	if f.health.Holding = f.Replica.Holding(); f.health.Refusal != f.Replica.Refusal() {
		f.health.Refusal, f.health.RefusedSince = f.Replica.Refusal(), time.Time{}
		if f.health.Refusal != (Refusal{}) {
			f.health.RefusedSince = f.Clock.Local(f.health.Refusal.Since)
		}
	}
	switch {
	case !f.Replica.Vacant():
		f.vacantSince = time.Time{}
	case f.vacantSince.IsZero():
		f.vacantSince = now
	}
	return changes
}

// lapse remembers the nodes whose leases ran out, each for its TTL.
func (f *Feed) lapse(changes []Change, now time.Time) {
	for _, c := range changes {
		if delete(f.lapses, c.Node.ID); c.Lapsed {
			f.lapses[c.Node.ID] = Lapse{c.Node, c.Point, now}
		}
	}
	maps.DeleteFunc(f.lapses, func(_ string, l Lapse) bool { return now.Sub(l.Time) > l.Node.ttl })
}

// Lapses returns the nodes whose leases ran out within the last TTL and that have not
// come back, the earliest first.
func (f *Feed) Lapses() []Lapse {
	return slices.SortedFunc(maps.Values(f.lapses), func(a, b Lapse) int { return a.Time.Compare(b.Time) })
}

// Vacant reports whether it is certain that the service has had no node since then.
func (f *Feed) Vacant(since time.Time) bool {
	return f.sure() && !f.vacantSince.IsZero() && f.vacantSince.Before(since)
}

// sure reports whether the nodes are those that Redis has, as far as can be known.
func (f *Feed) sure() bool {
	return f.covered && f.health.StaleSince.IsZero() && f.health.Refused == nil &&
		f.readAt.IsZero() && !f.reading && f.probeAt.IsZero()
}

// TTL is the longest TTL of what is shown, and FeedOptions.TTL where nothing is.
func (f *Feed) TTL() time.Duration {
	if longest := f.Replica.TTL(); longest > 0 {
		return longest
	}
	return f.o.TTL
}

// Event takes a change event of the subscription.
func (f *Feed) Event(e record.Event, now time.Time) Outcome {
	empty, mark := f.Replica.Empty(), f.Replica.Mark()
	v := f.follow(f.Replica.Event(e), WhyEvent, now)
	if f.Replica.Mark() > mark {
		f.putOff(now)
	}
	if ttl := f.Replica.TTLOf(e.ID); e.Kind == record.Put && ttl > 0 && f.Clock.Known() {
		end := e.Time.Add(ttl)
		if end.Before(f.firstEnd) {
			f.firstEnd = end
		}
		f.expect(end) // the process that renews it may be the only one that would report its end
		if empty {
			f.Poll(now) // contact is measured by the TTLs, which are known only now
		}
	}
	f.expectOverrides()
	return v
}

// Live takes a message which says that nodes live, although Redis refuses to renew their
// leases.
func (f *Feed) Live(l record.Live, now time.Time) { f.Replica.Live(l, f.Clock.At(now)) }

// Unreadable takes a message that cannot be read: of another version of the protocol,
// or of another program. Only a snapshot can show what it has changed. Such snapshots are
// taken no more often than polls.
func (f *Feed) Unreadable(now time.Time) { f.read(WhyUnreadable, now.Add(f.o.Poll)) }

// follow does what an outcome asks for, and returns the outcome for the owner. No gap is
// blamed on a subscription before the first snapshot after it: if each gap led to a new
// subscription, a snapshot might never follow. why is for a snapshot.
func (f *Feed) follow(v Outcome, why Why, now time.Time) Outcome {
	switch {
	case f.Replica.wanted == nil:
		f.wantedSince = time.Time{}
	case f.wantedSince.IsZero():
		f.wantedSince = now
	case v == Missed && now.Sub(f.wantedSince) < probeSoonest:
		v = Unexplained // the version was read twice within a short time: the events may be on their way
	}
	if v == Unexplained && !f.is(ruleWait) || v == Missed && !f.covered && f.is(ruleOnce) {
		v = Reread
	}
	switch v {
	case Settled:
		f.probeAt = time.Time{}
	case Unexplained:
		if f.probeAt.IsZero() {
			f.probeAt = now.Add(f.between(probeSoonest, probeLatest))
		}
	case Missed:
		f.read(WhyGap, now)
	case Reread:
		f.read(why, now)
	}
	return v
}

// A Why is the reason for a snapshot. Package registry documents them.
type Why string

// The reasons. Where there are several, it is that of the one that is due first.
const (
	WhySubscribed Why = "subscribed"
	WhyEvent      Why = "event"
	WhyProbe      Why = "probe"
	WhyPoll       Why = "poll"
	WhyGap        Why = "gap"
	WhyUnreadable Why = "unreadable"
	WhyChanged    Why = "changed"
	WhyFailed     Why = "failed"
)

// read has a snapshot taken at that time at the latest.
func (f *Feed) read(why Why, at time.Time) {
	f.probeAt = time.Time{}
	if f.readAt.IsZero() || at.Before(f.readAt) {
		f.readAt, f.why = at, why
	}
}

// Why returns the reason for the snapshot that StartRead has started.
func (f *Feed) Why() Why { return f.why }

// live makes the feed up to date again, unless a reason is left why it is not.
func (f *Feed) live() {
	if f.covered && !f.unchecked {
		f.health.StaleSince, f.health.Err = time.Time{}, nil
	}
}
