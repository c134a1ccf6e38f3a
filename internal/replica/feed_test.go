package replica

import (
	"errors"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/record"
)

// A feedTest drives a feed whose random waits are always the longest.
type feedTest struct {
	*testing.T
	*Feed
	now time.Time
}

const poll = 5 * time.Second

func newFeedTest(t *testing.T) *feedTest {
	now := time.Unix(1000, 0)
	longest := func(_, most time.Duration) time.Duration { return most }
	return &feedTest{t, NewFeed(FeedOptions{Poll: poll, TTL: ttl, between: longest}, now), now}
}

// answer is one that came at once.
func (f *feedTest) answer() Answer {
	return Answer{Sent: f.now, Received: f.now, Now: f.now, Master: "m"}
}

// take takes a snapshot that is due.
func (f *feedTest) take(s Snapshot) Outcome {
	f.Helper()
	if !f.StartRead(f.now) {
		f.Fatal("no snapshot is due")
	}
	s.Now = f.now
	return f.Read(s, f.answer(), f.now)
}

// live is a feed that shows a and b, at revision 10.
func live(t *testing.T) *feedTest {
	f := newFeedTest(t)
	f.Subscribed(f.now)
	same(t, "the first snapshot", f.take(snap(10, nil, member(9, "a", 5, 1), member(10, "b", 6, 1))), Settled)
	f.Changes(f.now)
	return f
}

// unexplained takes an event that does not chain.
func (f *feedTest) unexplained() {
	e := put(12, "a", 5, 2)
	e.Time = f.now
	f.Event(e, f.now)
}

// changing is a snapshot that does not count: the version moved, and no event came.
func changing() Snapshot { return Snapshot{Before: pointOf(11), After: pointOf(12)} }

func TestFeedReadsOnceItIsSubscribed(t *testing.T) {
	f := newFeedTest(t)
	f.Event(put(11, "a", 5, 1), f.now)
	if f.StartRead(f.now.Add(time.Hour)) {
		t.Error("a snapshot began before the subscription was acknowledged")
	}
	f.Subscribed(f.now.Add(time.Second))
	if f.StartRead(f.now) || !f.StartRead(f.now.Add(time.Second)) || f.StartRead(f.now.Add(time.Hour)) {
		t.Error("a snapshot begins once, when it is due")
	}
}

// The first changes of a service lead to one snapshot at once, and to another one only if
// the first one does not show them.
func TestFeedReadsTheFirstChangesOnce(t *testing.T) {
	first := put(1, "a", 5, 1)
	first.Prev = ""
	f := newFeedTest(t)
	f.Subscribed(f.now)
	f.take(Snapshot{})
	same(t, "the first event", f.Event(first, f.now), Reread)
	f.StartRead(f.now)
	same(t, "the second one", f.Event(put(2, "b", 6, 1), f.now), Unexplained)
	same(t, "the snapshot", f.Read(snap(2, nil, member(1, "a", 5, 1), member(2, "b", 6, 1)), f.answer(), f.now), Settled)
	if f.StartRead(f.now.Add(time.Hour)) {
		t.Error("the service is read twice")
	}

	f = newFeedTest(t)
	f.Subscribed(f.now)
	f.StartRead(f.now)
	f.Event(first, f.now)
	same(t, "a snapshot of before the first event", f.Read(Snapshot{}, f.answer(), f.now), Reread)
	same(t, "the next one", f.take(snap(1, nil, member(1, "a", 5, 1))), Settled)
}

// A snapshot that began on an earlier subscription does not count: events may have been
// lost in between.
func TestFeedSnapshotOfAnEarlierSubscription(t *testing.T) {
	f := newFeedTest(t)
	f.Subscribed(f.now)
	f.StartRead(f.now)
	f.Unsubscribed(errors.New("cut"), f.now)
	f.Subscribed(f.now)
	same(t, "outcome", f.Read(snap(10, nil, member(9, "a", 5, 1)), f.answer(), f.now), Reread)
	same(t, "proven", f.Health().Proven, false)
	same(t, "the next one", f.take(snap(10, nil, member(9, "a", 5, 1))), Settled)
	same(t, "proven", f.Health().Proven, true)
}

// A subscription is blamed for lost events once a snapshot has followed it, and each
// time that this happens.
func TestFeedBlamesTheSubscription(t *testing.T) {
	f := live(t)
	probe := func() Outcome {
		f.now = f.now.Add(probeSoonest) // sooner, its event may be on its way
		return f.Probed(f.Question(), pointOf(13), nil, f.now)
	}
	same(t, "unknown once", probe(), Unexplained)
	same(t, "unknown twice", probe(), Missed)
	f.Unsubscribed(errors.New("it lost events"), f.now)
	same(t, "before it is read again", probe(), Reread)
	f.Subscribed(f.now)
	same(t, "a snapshot that does not count", f.take(changing()), Reread)
	same(t, "still not read again", probe(), Reread)
	f.now = f.now.Add(time.Second)
	same(t, "a snapshot that counts", f.take(snap(11, nil, member(9, "a", 5, 1))), Settled)
	same(t, "unknown once, again", probe(), Unexplained)
	same(t, "unknown twice, again", probe(), Missed)
}

// Where no snapshot counts, the subscription brings nothing from the start.
func TestFeedGivesUpASubscriptionThatBringsNothing(t *testing.T) {
	f := newFeedTest(t)
	f.Subscribed(f.now)
	for _, want := range []Outcome{Reread, Reread, Missed, Reread} {
		f.now = f.now.Add(poll)
		same(t, "outcome", f.take(changing()), want)
	}
	same(t, "why it is stale", f.Health().Err == errTooFast, true)
}

// Unexplained events and failures have different waits.
func TestFeedWaits(t *testing.T) {
	down := errors.New("down")
	for _, tc := range []struct {
		name string
		do   func(f *feedTest)
		want time.Duration // until something is due
	}{
		{"a new feed", func(f *feedTest) { f.Feed = newFeedTest(t).Feed }, poll},
		{"an event that does not chain", func(f *feedTest) { f.unexplained() }, probeLatest},
		{"a probe that failed", func(f *feedTest) {
			f.unexplained()
			f.now = f.now.Add(probeLatest)
			q, _ := f.StartProbe(f.now)
			f.Probed(q, Point{}, down, f.now)
		}, 2 * probeLatest},
		{"a snapshot that failed", func(f *feedTest) {
			f.Subscribed(f.now)
			f.StartRead(f.now)
			f.ReadFailed(down, f.now)
		}, poll / 2},
		{"a poll that failed", func(f *feedTest) {
			f.StartPoll(f.now)
			f.PollFailed(down, f.now)
		}, poll},
		{"a message that cannot be read", func(f *feedTest) {
			f.StartPoll(f.now) // under way: not due
			f.Unreadable(f.now)
		}, poll},
		{"a poll on time for a lease end", func(f *feedTest) {
			f.StartPoll(f.now)
			p := Poll{Point: pointOf(10), Members: 2, Answer: f.answer(), Next: f.now.Add(time.Second), End: neverEnds}
			f.Polled(f.Question(), p, f.now)
		}, time.Second + endLatest},
		{"a hint while a poll is under way", func(f *feedTest) {
			f.StartPoll(f.now)
			f.Poll(f.now.Add(time.Millisecond))
			f.PollFailed(down, f.now)
		}, time.Millisecond},
		{"a lease that has ended, and no contact yet", func(f *feedTest) {
			f.StartPoll(f.now)
			p := Poll{Point: pointOf(10), Members: 2, Answer: f.answer(), Overdue: []string{"a"}, End: neverEnds}
			check, _ := f.Polled(f.Question(), p, f.now)
			same(t, "check", check, false)
		}, poll},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := live(t)
			q, _ := f.StartPoll(f.now) // which the first snapshot asks for
			f.Polled(q, Poll{Point: pointOf(10), Members: 2, Answer: f.answer(), End: neverEnds}, f.now)
			tc.do(f)
			same(t, "due in", f.Next().Sub(f.now), tc.want)
		})
	}
}

func neverEnds(string) time.Time { return time.Time{} }

// A lease that has ended is checked after half a TTL and a second of contact, and a node
// is removed only by an answer of the master that returned its lease.
func TestFeedChecksLeases(t *testing.T) {
	f := live(t)
	polled := func(overdue ...string) bool {
		q, _ := f.StartPoll(f.now)
		p := Poll{Point: pointOf(10), Members: 2, Answer: f.answer(), Overdue: overdue, End: neverEnds}
		check, _ := f.Polled(q, p, f.now)
		return check
	}
	for end := f.now.Add(ttl / 2); f.now.Before(end); f.now = f.now.Add(poll / 2) {
		same(t, "check", polled("a"), false)
	}
	f.now = f.now.Add(time.Second)
	same(t, "check what is not shown", polled("z"), false)
	same(t, "check", polled("a"), true)
	same(t, "to look for", f.Overdue([]string{"a", "z"}, time.Time{}), []string{"a"})
	f.Missing(f.Question(), []string{"a"}, "another", f.now)
	same(t, "by another master", changesOf(f.Replica), "")
	f.Missing(f.Question(), []string{"a"}, "m", f.now)
	same(t, "shown", shows(f.Replica), "b=1")
	f.Changes(f.now)
	same(t, "lapsed", len(f.Lapses()), 1)
	f.Event(record.Event{}, f.now)
	f.now = f.now.Add(ttl + 1)
	f.Changes(f.now)
	same(t, "lapsed a TTL later", len(f.Lapses()), 0)
}

// A hold ends by contact, also where the version is gone for good: then no poll settles,
// and the snapshots count.
func TestFeedHoldEndsWithoutAVersion(t *testing.T) {
	f := live(t)
	blank := Snapshot{Members: []Member{member(9, "a", 5, 1)}}
	f.Subscribed(f.now)
	f.take(blank) // b is lost, and held
	same(t, "shown", shows(f.Replica), "a=1 b=1(held)")
	for end := f.now.Add(2 * ttl); f.now.Before(end); f.now = f.now.Add(poll) {
		q, _ := f.StartPoll(f.now)
		_, v := f.Polled(q, Poll{Members: 1, Answer: f.answer(), End: neverEnds}, f.now)
		same(t, "outcome", v, Reread)
		f.take(blank)
	}
	same(t, "shown", shows(f.Replica), "a=1")
}

// One outage is one state of the view, however many calls fail, and one of each kind.
func TestFeedHealth(t *testing.T) {
	f := live(t)
	for range 3 {
		f.PollFailed(errors.New("down"), f.now)
		f.now = f.now.Add(time.Second)
	}
	same(t, "stale since", f.Health().StaleSince, f.now.Add(-3*time.Second))
	refusal := errors.New("NOPERM")
	f.Refused(refusal, f.now)
	same(t, "refused, and not taken for the outage", errors.Is(f.Health().Refused, refusal), true)
	f.Subscribed(f.now)
	f.take(snap(10, nil, member(9, "a", 5, 1), member(10, "b", 6, 1)))
	h := f.Health()
	same(t, "live again", h.StaleSince.IsZero() && h.Err == nil && h.Refused == nil, true)
}

// It is certain that nothing is shown only where the feed is live and no event is unexplained.
func TestFeedVacant(t *testing.T) {
	f := live(t)
	f.Event(del(11, "a", 5), f.now)
	f.Event(del(12, "b", 6), f.now)
	f.Changes(f.now)
	same(t, "later", f.Vacant(f.now), false)
	same(t, "since", f.Vacant(f.now.Add(1)), true)
	f.Event(put(14, "a", 5, 1), f.now)
	same(t, "unexplained", f.Vacant(f.now.Add(1)), false)
}

// A feed that could not check which nodes have ended is stale until it could, or until
// none of these is shown.
func TestFeedThatCouldNotCheck(t *testing.T) {
	for name, checked := range map[string]func(f *feedTest){
		"the hashes are there": func(f *feedTest) { f.Missing(f.Question(), nil, "m", f.now) },
		"none is shown":        func(f *feedTest) { f.Overdue([]string{"unknown"}, time.Time{}) },
	} {
		t.Run(name, func(t *testing.T) {
			f := live(t)
			f.CheckFailed(errors.New("NOPERM"), f.now)
			crowded := Poll{Point: pointOf(10), Members: 2, Answer: f.answer(), Crowded: true, End: neverEnds}
			q, _ := f.StartPoll(f.now)
			f.Polled(q, crowded, f.now)
			same(t, "stale while unchecked", f.Health().StaleSince, f.now)
			checked(f)
			same(t, "live once checked", f.Health().StaleSince.IsZero(), true)
		})
	}
}
