package replica

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

// startPoll starts the next poll when it is due.
func (f *feedTest) startPoll() Question {
	f.Helper()
	if next := f.Next(); next.After(f.now) {
		f.now = next
	}
	q, due := f.StartPoll(f.now)
	if !due {
		f.Fatal("no poll is due")
	}
	return q
}

// polled makes a poll that settles, and returns how many lease ends it was to read. The
// first one is at that time.
func (f *feedTest) polled(end time.Time) int {
	f.Helper()
	q := f.startPoll()
	p := Poll{Point: f.Replica.at, Members: len(f.Replica.nodes), Answer: f.answer(), End: neverEnds}
	if q.Ends > 0 {
		p.Next = end
	}
	if _, v := f.Polled(q, p, f.now); v != Settled {
		f.Fatalf("the poll has outcome %v", v)
	}
	f.Changes(f.now)
	return q.Ends
}

// registered takes the event of a node that registers now.
func (f *feedTest) registered(rev uint64, id string, ttlMS int) {
	e := put(rev, id, 7, 1)
	e.Time, e.Payload = f.now, fmt.Appendf(nil, `{"address":"%s:1","weight":%d,"ttl":%d}`, id, rev, ttlMS)
	f.Event(e, f.now)
}

// liveEvery is a feed that shows a and b, and has been polled, with this time between polls.
func liveEvery(t *testing.T, poll time.Duration) *feedTest {
	f := newFeedTest(t)
	f.o.Poll = poll
	f.Subscribed(f.now)
	f.take(snap(10, nil, member(9, "a", 5, 1), member(10, "b", 6, 1)))
	f.polled(f.now.Add(time.Hour))
	return f
}

// The first snapshot brings a poll with it. Another one at the same time would need another
// connection.
func TestFeedPollsAfterItsFirstSnapshot(t *testing.T) {
	soonest := func(least, _ time.Duration) time.Duration { return least }
	now := time.Now()
	f := NewFeed(FeedOptions{Poll: poll, TTL: ttl, between: soonest}, now)
	if got := f.Next().Sub(now); got != poll/2 {
		t.Errorf("the first poll comes %v after the start, want %v", got, poll/2)
	}
}

// An event that chains proves what a poll would. So it puts the next one off, by as long
// as polls are apart, but not further than a third of the TTL after the last one.
func TestFeedPutsPollsOff(t *testing.T) {
	const poll = 3 * time.Second
	for _, tc := range []struct {
		name   string
		events func(f *feedTest)
		want   time.Duration // until the next poll, from the last one
	}{
		{"no event", func(*feedTest) {}, poll},
		{"one", func(f *feedTest) {
			f.now = f.now.Add(time.Second)
			f.registered(11, "a", 15_000)
		}, time.Second + poll},
		{"one each second", func(f *feedTest) {
			for rev := range uint64(5) {
				f.now = f.now.Add(time.Second)
				f.registered(11+rev, "a", 15_000)
			}
		}, ttl / 3},
		{"one that does not chain", func(f *feedTest) {
			f.now = f.now.Add(time.Second)
			f.registered(12, "a", 15_000)
			q, _ := f.StartProbe(f.now.Add(probeLatest))
			f.Probed(q, pointOf(10), nil, f.now) // it was of another history
		}, poll},
		{"one that is known already", func(f *feedTest) {
			f.now = f.now.Add(time.Second)
			f.registered(10, "b", 15_000)
		}, poll},
		{"one while the view is stale", func(f *feedTest) {
			f.CheckFailed(errors.New("down"), f.now)
			f.now = f.now.Add(time.Second)
			f.registered(11, "a", 15_000)
		}, poll},
		{"one while a node is held", func(f *feedTest) {
			f.Replica.lose(f.Replica.nodes["b"])
			f.now = f.now.Add(time.Second)
			f.registered(11, "a", 15_000)
		}, poll},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := liveEvery(t, poll)
			began := f.now
			tc.events(f)
			same(t, "the next poll", f.Next().Sub(began), tc.want)
		})
	}
}

// A poll reads lease ends only where one can end before the next poll, and many only where
// some may have ended.
func TestFeedReadsLeaseEnds(t *testing.T) {
	const poll = 3 * time.Second
	soon, late := 4*time.Second, time.Hour
	for _, tc := range []struct {
		name  string
		ends  time.Duration // the first one, after the first poll
		input func(f *feedTest)
		want  int
	}{
		{"none before the next poll", late, func(*feedTest) {}, 0},
		{"one may end before the next poll", soon, func(*feedTest) {}, 1},
		{"one may have ended", soon, func(f *feedTest) { f.now = f.now.Add(soon) }, maxEnds},
		{"a node with a short TTL has come", late, func(f *feedTest) {
			f.registered(11, "c", 5000)
		}, 1},
		{"a snapshot was taken", late, func(f *feedTest) {
			f.read(WhyPoll, f.now)
			f.take(snap(10, nil, member(9, "a", 5, 1), member(10, "b", 6, 1)))
		}, maxEnds},
		{"a poll failed", late, func(f *feedTest) {
			f.startPoll()
			f.PollFailed(errors.New("down"), f.now)
			same(f.T, "the poll that comes after it", f.polled(f.now.Add(late)), 0)
		}, maxEnds},
		{"Redis's clock was set", late, func(f *feedTest) {
			q, a := f.startPoll(), f.answer()
			a.Now = a.Now.Add(-late)
			f.Polled(q, Poll{Point: pointOf(10), Members: 2, Answer: a}, f.now)
		}, maxEnds},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFeedTest(t)
			f.o.Poll = poll
			f.Subscribed(f.now)
			f.take(snap(10, nil, member(9, "a", 5, 1), member(10, "b", 6, 1)))
			same(t, "the first poll reads", f.polled(f.now.Add(tc.ends)), maxEnds)
			tc.input(f)
			same(t, "the next poll reads", f.polled(f.now.Add(late)), tc.want)
		})
	}
}

// While a poll is under way, a node may register whose lease ends sooner than those that the
// poll reads.
func TestFeedKnowsTheLeaseEndOfANodeThatCameMeanwhile(t *testing.T) {
	f := liveEvery(t, poll)
	first := f.firstEnd
	f.firstEnd = f.now // may have ended: read
	q := f.startPoll()
	f.firstEnd = first
	f.registered(11, "c", 2000)
	f.Polled(q, Poll{Point: pointOf(10), Members: 2, Answer: f.answer(), Next: first, End: neverEnds}, f.now)
	same(t, "the first lease end", f.firstEnd, f.now.Add(2*time.Second))
}

// A poll is sent with others up to a sixth of its wait sooner.
func TestFeedJoinsPolls(t *testing.T) {
	f := liveEvery(t, 3*time.Second)
	for _, tc := range []struct {
		name  string
		after time.Duration // the poll before
		want  bool
	}{
		{"just polled", 2400 * time.Millisecond, false},
		{"due soon", 2500 * time.Millisecond, true},
		{"under way", time.Hour, false},
	} {
		_, joins := f.JoinPoll(f.now.Add(tc.after))
		same(t, tc.name, joins, tc.want)
	}
}
