package replica

import (
	"slices"
	"time"
)

// A Poll is what a poll has read of one service. Where it was to read no lease ends, there
// is nothing in the last four.
type Poll struct {
	Point   Point
	Members int // of the index
	Answer  Answer

	Overdue []string                  // nodes whose leases have ended by the index
	Crowded bool                      // there may be more of them
	Next    time.Time                 // Redis's: the next lease end; zero: none is known
	End     func(id string) time.Time // Redis's: when a lease ends, or an earlier time
}

// maxEnds is how many lease ends a poll reads where some may have passed.
const maxEnds = 32

// StartPoll reports whether a poll is due by then, and notes that it is under way. Polled
// or PollFailed ends it.
func (f *Feed) StartPoll(by time.Time) (Question, bool) {
	asked := !f.pollAt.IsZero() && !f.pollAt.After(by)
	return f.startPoll(by, asked || !f.roundAt.After(by))
}

// JoinPoll is StartPoll where a poll of another service is sent now: the poll comes up to a
// sixth sooner than it would, and needs no trip of its own.
func (f *Feed) JoinPoll(now time.Time) (Question, bool) {
	return f.startPoll(now, !f.roundAt.After(now.Add(f.wait/6)))
}

func (f *Feed) startPoll(now time.Time, due bool) (Question, bool) {
	if f.polling || !due {
		return Question{}, false
	}
	f.polling, f.pollAt, f.roundAt = true, time.Time{}, time.Time{}
	q := f.Question()
	q.Ends = f.ends(now)
	return q, true
}

// PollLate returns how much later than due a poll is that starts now.
func (f *Feed) PollLate(now time.Time) time.Duration {
	due := f.roundAt
	if due.IsZero() || !f.pollAt.IsZero() && f.pollAt.Before(due) {
		due = f.pollAt
	}
	return max(0, now.Sub(due))
}

// ends returns how many lease ends a poll has to read: none while no lease can end before
// the next poll.
func (f *Feed) ends(now time.Time) int {
	clock := f.Clock.At(now)
	switch {
	case f.firstEnd.IsZero(), !f.firstEnd.After(clock), f.Replica.Refusal() != Refusal{}:
		return maxEnds
	case f.firstEnd.Before(clock.Add(f.furthest() + endLatest)):
		return 1
	}
	return 0
}

// PollFailed takes the failure of a poll.
func (f *Feed) PollFailed(err error, now time.Time) {
	f.pollAgain(now)
	f.Clock.Failed()
	f.fail(err, now)
	if f.is(ruleHoldClock) {
		f.polled, f.owed = time.Time{}, 0
	}
}

// pollAgain plans the next poll. Contact is whole only while polls come more often than
// every half TTL.
func (f *Feed) pollAgain(now time.Time) {
	f.polling = false
	f.wait = min(f.o.Poll, f.TTL()*2/5)
	f.roundAt = now.Add(f.between(f.wait*5/6, f.wait))
	f.roundEnd = now.Add(f.between(f.furthest()*5/6, f.furthest()))
}

// furthest is how long after a poll the next one comes at the latest.
func (f *Feed) furthest() time.Duration { return max(f.wait, min(2*f.o.Poll, f.TTL()/3)) }

// putOff moves the next poll, because an event has shown what the poll would: that no event
// before it was lost. Events show nothing of an index that was changed by hand, nor do they
// prove contact, so they do not move it far.
func (f *Feed) putOff(now time.Time) {
	if f.roundAt.IsZero() || !f.sure() || len(f.Replica.holds)+len(f.Replica.lives) > 0 {
		return
	}
	at := now.Add(f.between(f.wait*5/6, f.wait))
	if at.After(f.roundEnd) {
		at = f.roundEnd
	}
	if at.After(f.roundAt) {
		f.roundAt = at
	}
}

// Polled takes the answer to a poll. It returns whether the owner is to check the hashes
// of the nodes whose leases have ended: contact has lasted long enough for that.
func (f *Feed) Polled(q Question, p Poll, now time.Time) (check bool, v Outcome) {
	f.pollAgain(now)
	f.answered(p.Answer)
	f.Replica.Tick(p.Answer.Now)
	f.expectOverrides()
	f.owed = f.unbroken(p.Answer.Received)
	if !f.is(ruleHoldSettled) {
		f.pass(p.Answer.Now)
	}
	if q.Ends > 0 {
		f.ended(q, p)
	}
	overdue := p.Crowded || slices.ContainsFunc(p.Overdue, f.Replica.Shows)
	f.unchecked = f.unchecked && (overdue || q.Ends == 0)
	f.live()
	asked := f.asked(q)
	v = f.Replica.Poll(p.Point, p.Members, asked.mark, asked.arrivals)
	if v == Settled {
		f.pass(p.Answer.Now)
		if q.Ends > 0 && f.Replica.Renewed(p.End) {
			v = Reread
		}
	}
	v = f.follow(v, WhyPoll, now)

	f.expect(p.Next)
	f.expect(f.firstEnd)
	if !overdue {
		return false, v
	}
	ttl := f.TTL()
	if proven := f.Clock.ProvenFrom(ttl); now.Before(proven) && f.is(ruleReaderGrace) {
		f.Poll(proven.Add(f.between(endSoonest, endLatest)))
		return false, v
	}
	return true, v
}

// answered takes the clock of an answer. Lease ends that were read by another clock, or at
// another master, are not known any more.
func (f *Feed) answered(a Answer) {
	since := f.Clock.Since()
	f.Clock.Answered(a, f.TTL()/2)
	if !f.Clock.Since().Equal(since) {
		f.firstEnd = time.Time{}
	}
}

// ended notes the lease end that a poll found to be the first. A node may have come since
// the poll was sent.
func (f *Feed) ended(q Question, p Poll) {
	first := p.Next
	if p.Crowded || len(p.Overdue) > 0 {
		first = time.Time{}
	}
	if f.Replica.Mark() == q.mark || first.Before(f.firstEnd) {
		f.firstEnd = first
	}
}

// unbroken returns for how long Redis has answered without a break until now, but no
// longer than since the poll before.
func (f *Feed) unbroken(now time.Time) time.Duration {
	before := f.polled
	f.polled = now
	if before.IsZero() || !f.Clock.Since().Before(before) && f.is(ruleHoldClock) {
		return 0
	}
	return now.Sub(before)
}

// pass counts contact for the holds, when a poll has settled or a snapshot has counted.
// While an event is unexplained, a node that is held may be back.
func (f *Feed) pass(now time.Time) {
	if f.owed > 0 && f.is(ruleHoldEnds) {
		f.Replica.Pass(f.owed, now)
	}
	f.owed = 0
}

// expect has a poll come in time for a lease end, by Redis's clock. Zero is none.
func (f *Feed) expect(end time.Time) {
	if !end.IsZero() && f.is(ruleLeaseEnds) {
		f.Poll(f.Clock.Local(end).Add(f.between(endSoonest, endLatest)))
	}
}

// expectOverrides has a poll come in time for the end of an override.
func (f *Feed) expectOverrides() {
	if f.Clock.Known() {
		f.expect(f.Replica.OverrideEnd())
	}
}

// Poll has the service polled at that time at the latest.
func (f *Feed) Poll(at time.Time) {
	if f.pollAt.IsZero() || at.Before(f.pollAt) {
		f.pollAt = at
	}
}
