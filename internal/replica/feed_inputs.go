package replica

import (
	"errors"
	"slices"
	"time"

	"github.com/rollcall-go/rollcall/internal/errdefs"
)

// Next returns when something is due; zero is never.
func (f *Feed) Next() time.Time {
	var next time.Time
	for _, t := range []struct {
		at   time.Time
		busy bool
	}{{f.readAt, f.reading || !f.mayRead()}, {f.probeAt, f.probing || f.reading}, {f.pollAt, f.polling}, {f.roundAt, f.polling}} {
		if !t.busy && !t.at.IsZero() && (next.IsZero() || t.at.Before(next)) {
			next = t.at
		}
	}
	return next
}

// mayRead reports whether a snapshot may begin. It needs the subscription, which brings the
// events that come meanwhile.
func (f *Feed) mayRead() bool { return f.subscribed || !f.is(ruleSubscribeFirst) }

// Subscribed takes the acknowledgement of the subscription. The service is read at that
// time.
func (f *Feed) Subscribed(readAt time.Time) {
	f.subscribed, f.health.Refused = true, nil
	f.read(WhySubscribed, readAt)
	if !f.health.Proven { // a poll that came before may have asked for it
		f.why = WhySubscribed
	}
}

// Unsubscribed takes the end of the subscription, and why it has ended.
func (f *Feed) Unsubscribed(why error, now time.Time) {
	f.subscribed, f.covered = false, false
	f.session++
	f.fail(why, now)
}

// Refused takes why Redis refuses the subscription.
func (f *Feed) Refused(why error, now time.Time) {
	f.health.Refused = latest(f.health.Refused, why)
	f.fail(why, now)
}

// fail makes the feed stale, if it is not yet.
func (f *Feed) fail(why error, now time.Time) {
	if f.health.StaleSince.IsZero() {
		f.health.StaleSince = now
	}
	f.health.Err = latest(f.health.Err, why)
}

// latest returns the error to report after another one was reported: still that one, if
// both are of one kind. Otherwise each failure of an outage would make a new view.
func latest(reported, err error) error {
	if reported != nil && errdefs.SameKind(reported, err) {
		return reported
	}
	return err
}

// StartRead reports whether a snapshot is due, and notes that it is under way. Read
// or ReadFailed ends it.
func (f *Feed) StartRead(now time.Time) bool {
	if f.readAt.IsZero() || f.readAt.After(now) || f.reading || !f.mayRead() {
		return false
	}
	f.reading, f.readingFor, f.readAt = true, f.session, time.Time{}
	f.Replica.Begin()
	return true
}

// current reports whether the snapshot that is under way can still count: the subscription
// of when it began has not ended.
func (f *Feed) current() bool { return f.mayRead() && f.readingFor == f.session }

// ReadFailed takes the failure of a snapshot.
func (f *Feed) ReadFailed(err error, now time.Time) {
	f.reading = false
	f.Replica.Abandon()
	f.Clock.Failed()
	f.fail(err, now)
	f.read(WhyFailed, now.Add(f.between(f.o.Poll/4, f.o.Poll/2)))
}

// Read takes a snapshot, and the answer to its last call. The outcome Reread says that it
// does not count: the version has changed and no event explains it, or the subscription has
// ended meanwhile. Missed says that several in a row did not count.
func (f *Feed) Read(s Snapshot, a Answer, now time.Time) Outcome {
	f.reading = false
	if !f.current() {
		f.Replica.Abandon()
		f.read(WhySubscribed, now)
		return Reread
	}
	v := f.Replica.Snapshot(s)
	f.answered(a)
	if v == Reread {
		wait := f.between(probeSoonest, probeLatest)
		if f.uncounted++; f.uncounted == maxUncounted {
			f.uncounted, f.covered = 0, false
			f.fail(errTooFast, now)
			v, wait = Missed, f.o.Poll
		}
		f.read(WhyChanged, now.Add(wait))
		return v
	}
	if !f.health.Proven {
		f.Poll(now) // it reads the lease ends, and contact is measured from then on
	}
	f.uncounted, f.covered, f.health.Proven = 0, true, true
	f.firstEnd = time.Time{} // there may be nodes of which no event came
	f.live()
	f.pass(s.Now)
	f.expectOverrides()
	if f.Replica.First() { // it came after the version was last read
		v = Reread
	}
	return f.follow(v, WhyEvent, now)
}

var errTooFast = errors.New("the service changes and no event explains it, or it changes too fast to be read")

// StartProbe reports whether a probe is due, and notes that it is under way. Probed ends
// it.
func (f *Feed) StartProbe(now time.Time) (Question, bool) {
	if f.probeAt.IsZero() || f.probeAt.After(now) || f.probing || f.reading {
		return Question{}, false
	}
	f.probing, f.probeAt = true, time.Time{}
	return f.Question(), true
}

// Question returns what is known now.
func (f *Feed) Question() Question {
	return Question{mark: f.Replica.Mark(), arrivals: f.Replica.Arrivals()}
}

// asked returns the question by which an answer is taken.
func (f *Feed) asked(q Question) Question {
	if !f.is(ruleMark) {
		q.mark = f.Replica.Mark()
	}
	if !f.is(ruleArrivals) {
		q.arrivals = f.Replica.Arrivals()
	}
	return q
}

// Probed takes the version that a probe read, or why it failed.
func (f *Feed) Probed(q Question, p Point, err error, now time.Time) Outcome {
	f.probing = false
	if err != nil {
		f.fail(err, now)
		f.probeAt = now.Add(f.between(probeLatest, 2*probeLatest))
		return Unexplained
	}
	q = f.asked(q)
	return f.follow(f.Replica.Probe(p, q.mark, q.arrivals), WhyProbe, now)
}

// Overdue takes the nodes whose leases have ended, where a poll has not read all of them,
// and the next lease end by Redis's clock; zero is none. It returns the nodes to check.
func (f *Feed) Overdue(ids []string, next time.Time) []string {
	f.expect(next)
	ids = slices.DeleteFunc(ids, func(id string) bool { return !f.Replica.Shows(id) })
	if len(ids) == 0 {
		f.unchecked = false
		f.live()
	}
	return ids
}

// CheckFailed takes why the nodes whose leases have ended could not be checked. The feed
// is stale until they are, or until there is none.
func (f *Feed) CheckFailed(err error, now time.Time) {
	f.unchecked = true
	f.fail(err, now)
}

// Missing takes the nodes whose leases have ended by the index and that have no hash, and
// which master answered that. It counts only if the same master has answered the poll.
func (f *Feed) Missing(q Question, ids []string, master string, now time.Time) {
	f.unchecked = false
	f.live()
	if master != f.Clock.master && f.is(ruleOneMaster) {
		return
	}
	f.Replica.Missing(ids, f.asked(q).mark, f.Clock.At(now))
}
