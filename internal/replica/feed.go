package replica

import (
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/rollcall-go/rollcall/internal/record"
)

// A Feed keeps the Replica of one service true: it says when to read the service, to
// probe its version and to poll it, and takes what the answers tell. It has no sockets
// and no timers. Its owner starts what is due, hands in what came of it, and asks Next
// when something will be due again.
type Feed struct {
	Replica *Replica
	Clock   ServerClock

	o      FeedOptions
	health Health
	lapses map[string]Lapse

	subscribed bool // the subscription in force was acknowledged
	covered    bool // and a snapshot has counted since
	session    int  // grows with each subscription that ended

	readAt     time.Time // when to take a snapshot; zero: none is called for
	reading    bool      // one is under way
	readingFor int       // the session that it began in
	uncounted  int       // snapshots in a row that did not count

	wantedSince time.Time // when a version was found that no event has brought yet; zero: none was
	probeAt     time.Time // when to probe; zero: no doubt
	probing     bool

	pollAt  time.Time // when to poll next; zero: once the poll that is under way has told
	polling bool
	polled  time.Time     // when the last poll was answered; zero after one that failed
	owed    time.Duration // of contact until then, that is not yet counted for the holds

	unchecked   bool      // nodes whose leases have ended could not be looked for
	vacantSince time.Time // zero while something is shown
}

// FeedOptions are what the owner of a Feed decides.
type FeedOptions struct {
	Poll time.Duration // the longest time between two polls
	TTL  time.Duration // what contact is measured by where nothing is shown

	between func(least, most time.Duration) time.Duration // a random time; nil: math/rand's
	off     rule
}

// Health is how far a feed may be trusted, and why.
type Health struct {
	Proven     bool      // a snapshot has counted
	Refused    error     // Redis refuses the subscription
	StaleSince time.Time // ours; zero while the view is live
	Err        error     // why it is stale
	Holding    uint64    // changes when a node is held, or not any more

	RefusedSince time.Time // ours: when Redis began to refuse renewals, as nodes tell; zero: it does not
	Refusal      Refusal
}

// A Lapse is a node whose lease ran out, and when that was found, by our clock.
type Lapse struct {
	Node  Node
	Point Point
	Time  time.Time
}

// A Question goes with a probe, a poll or a check, and comes back with its answer: what
// was known when it was asked.
type Question struct{ mark, arrivals uint64 }

// The waits of a feed. Events that are on their way have time to come before a probe.
// After a lease end a reaper has time to act, and not every reader looks at the same
// moment.
const (
	doubtSoonest, doubtLatest = 40 * time.Millisecond, 200 * time.Millisecond
	endSoonest, endLatest     = 50 * time.Millisecond, 300 * time.Millisecond
	maxUncounted              = 3
)

// NewFeed returns a feed that is read once it is subscribed, and polled within
// FeedOptions.Poll.
func NewFeed(o FeedOptions, now time.Time) *Feed {
	f := &Feed{Replica: New(), o: o, lapses: map[string]Lapse{}}
	f.Replica.off, f.Clock.off = o.off, o.off
	f.pollAt = now.Add(f.between(0, o.Poll))
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

// is tells whether a rule is kept.
func (f *Feed) is(r rule) bool { return f.o.off&r == 0 }

// Health returns how far the feed may be trusted.
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

// lapse keeps the nodes whose leases ran out, each for a TTL.
func (f *Feed) lapse(changes []Change, now time.Time) {
	for _, c := range changes {
		if delete(f.lapses, c.Node.ID); c.Lapsed {
			f.lapses[c.Node.ID] = Lapse{c.Node, c.Point, now}
		}
	}
	maps.DeleteFunc(f.lapses, func(_ string, l Lapse) bool { return now.Sub(l.Time) > l.Node.Record.TTL })
}

// Lapses returns the nodes whose leases ran out within the last TTL and that have not
// come back, the earliest first.
func (f *Feed) Lapses() []Lapse {
	return slices.SortedFunc(maps.Values(f.lapses), func(a, b Lapse) int { return a.Time.Compare(b.Time) })
}

// Vacant tells whether the feed has shown nothing since then, and is sure of it.
func (f *Feed) Vacant(since time.Time) bool {
	sure := f.covered && f.health.StaleSince.IsZero() && f.health.Refused == nil &&
		f.readAt.IsZero() && !f.reading && f.probeAt.IsZero()
	return sure && !f.vacantSince.IsZero() && f.vacantSince.Before(since)
}

// TTL is the longest TTL of what is shown, and FeedOptions.TTL where nothing is.
func (f *Feed) TTL() time.Duration {
	if longest := f.Replica.TTL(); longest > 0 {
		return longest
	}
	return f.o.TTL
}

// Event takes a change event of the subscription.
func (f *Feed) Event(e record.Event, now time.Time) Verdict {
	empty := f.Replica.Empty()
	v := f.follow(f.Replica.Event(e), now)
	if ttl := f.Replica.TTLOf(e.ID); e.Kind == record.Put && ttl > 0 && f.Clock.Known() {
		f.expect(e.Time.Add(ttl)) // the process that renews it may be the only one that would tell of its end
		if empty {
			f.Poll(now) // contact is measured by the TTLs, which were not known
		}
	}
	return v
}

// Live takes a message of nodes that they live although Redis refuses to renew their
// leases.
func (f *Feed) Live(l record.Live, now time.Time) { f.Replica.Live(l, f.Clock.At(now)) }

// Unreadable takes a message that cannot be read: of another version of the protocol,
// or of another program. Only a snapshot can tell what it stands for, and these are
// taken no more often than polls.
func (f *Feed) Unreadable(now time.Time) { f.read(now.Add(f.o.Poll)) }

// follow does what a verdict asks for, and returns the verdict that is left for the
// owner. A subscription that no snapshot has followed yet is not to blame for a gap: made
// anew each time, it would never be followed by one.
func (f *Feed) follow(v Verdict, now time.Time) Verdict {
	switch {
	case f.Replica.wanted == nil:
		f.wantedSince = time.Time{}
	case f.wantedSince.IsZero():
		f.wantedSince = now
	case v == Missed && now.Sub(f.wantedSince) < doubtSoonest:
		v = Doubt // two looks came close together, and the events may be on their way
	}
	if v == Doubt && !f.is(ruleDoubt) || v == Missed && !f.covered && f.is(ruleOnce) {
		v = Reread
	}
	switch v {
	case Settled:
		f.probeAt = time.Time{}
	case Doubt:
		if f.probeAt.IsZero() {
			f.probeAt = now.Add(f.between(doubtSoonest, doubtLatest))
		}
	case Reread, Missed:
		f.read(now)
	}
	return v
}

// read has a snapshot taken at that time at the latest.
func (f *Feed) read(at time.Time) {
	f.probeAt = time.Time{}
	if f.readAt.IsZero() || at.Before(f.readAt) {
		f.readAt = at
	}
}

// expect has a poll come in time for a lease end, by Redis's clock. Zero is none.
func (f *Feed) expect(end time.Time) {
	if !end.IsZero() && f.is(ruleLeaseEnds) {
		f.Poll(f.Clock.Local(end).Add(f.between(endSoonest, endLatest)))
	}
}

// Poll has the service polled at that time at the latest.
func (f *Feed) Poll(at time.Time) {
	if f.pollAt.IsZero() || at.Before(f.pollAt) {
		f.pollAt = at
	}
}

// live ends that the feed is stale, where nothing is left to make it so.
func (f *Feed) live() {
	if f.covered && !f.unchecked {
		f.health.StaleSince, f.health.Err = time.Time{}, nil
	}
}
