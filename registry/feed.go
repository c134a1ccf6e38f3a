package registry

import (
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/record"
	"github.com/rollcall-go/rollcall/internal/replica"
)

// A feed follows one service for all that watch it. The hub's goroutine owns it.
type feed struct {
	name      serviceName
	keys      keys.Service
	replica   *replica.Replica
	contact   contact
	followers map[listener]bool
	lapses    map[string]Lapse
	view      *View // of the state as it is, for those that Follow; nil until one asks

	subscribed   bool // the subscription in force has acknowledged it
	covered      bool // and a snapshot has counted since
	health, told health

	rereadAt time.Time // when to take a snapshot; zero: none is called for
	reading  bool      // one is under way
	failures int       // of snapshots in a row that did not count
	probeAt  time.Time // when to probe; zero: no doubt
	probing  bool
	pollAt   time.Time
	polling  bool
	vacantAt time.Time // ours: since when it shows no node; zero while it does
	passed   time.Time // ours: until when contact was counted for holds

	refusedSince time.Time // ours: that of health.refusal

	due   time.Time // what next said when it was planned
	place int       // in the hub's agenda
}

// subject names the feed in the log of an outage.
func (f *feed) subject() string { return "watch of " + f.name.namespace + "/" + f.name.name }

// A health is how much a feed may be trusted.
type health struct {
	proven     bool      // a snapshot has counted
	refused    error     // the subscription was refused, and why
	staleSince time.Time // ours; zero while it is live
	err        error     // why it is stale
	holding    uint64    // changes when a node is held, or not any more
	refusal    replica.Refusal
}

// A listener hears of a feed's changes and of its health, from the hub's
// goroutine: it must not block.
type listener interface {
	stands(f *feed) // what is known when it begins to follow
	changed(f *feed, changes []replica.Change)
	fares(f *feed) // its health
}

// The waits of a feed. Doubt gives events that are on their way time to come;
// a lease end gives a reaper time to act, and not every reader the same.
const (
	doubtSoonest, doubtLatest = 40 * time.Millisecond, 200 * time.Millisecond
	endSoonest, endLatest     = 50 * time.Millisecond, 300 * time.Millisecond
	maxFailures               = 3
)

func between(soonest, latest time.Duration) time.Duration {
	return soonest + rand.N(latest-soonest)
}

// lapse keeps who has left by its lease, for a TTL.
func (f *feed) lapse(changes []replica.Change, now time.Time) {
	for _, c := range changes {
		if delete(f.lapses, c.Node.ID); c.Lapsed {
			f.lapses[c.Node.ID] = Lapse{result(f, Delete, c.Node, c.Point, c.Time).Service, now}
		}
	}
	maps.DeleteFunc(f.lapses, func(_ string, l Lapse) bool { return now.Sub(l.Time) > l.Service.TTL })
}

// follow does what a verdict calls for, and says whether the subscription has
// lost events.
func (f *feed) follow(v replica.Verdict, now time.Time) (missed bool) {
	switch v {
	case replica.Settled:
		f.probeAt = time.Time{}
	case replica.Doubt:
		if f.probeAt.IsZero() {
			f.probeAt = now.Add(between(doubtSoonest, doubtLatest))
		}
	case replica.Reread, replica.Missed:
		f.reread(now)
	}
	return v == replica.Missed
}

func (f *feed) reread(at time.Time) {
	f.probeAt = time.Time{}
	if f.rereadAt.IsZero() || at.Before(f.rereadAt) {
		f.rereadAt = at
	}
}

// event takes a message of the subscription.
func (f *feed) event(payload string, poll time.Duration, now time.Time) (missed bool) {
	if record.IsLive([]byte(payload)) {
		f.alive(payload, poll, now)
		return false
	}
	e, err := record.DecodeEvent([]byte(payload))
	if err != nil {
		// Of another protocol version, or nothing of ours: what it stands for can
		// only be read, and not more often than a poll.
		f.reread(now.Add(poll))
		return false
	}
	empty := f.replica.Empty()
	missed = f.follow(f.replica.Event(e), now)
	if e.Kind == record.Put && f.contact.known() {
		// Nobody may be left to tell of the end of this lease.
		ttl := f.replica.TTLOf(e.ID)
		f.pollAt = earlier(f.pollAt, f.contact.local(e.Time.Add(ttl)).Add(between(endSoonest, endLatest)))
		if empty {
			f.pollAt = now // contact is measured by the TTLs, which were not known
		}
	}
	return missed
}

// read takes a snapshot, or the failure to get one.
func (f *feed) read(snap reading, err error, poll time.Duration, now time.Time) (missed bool) {
	f.reading = false
	if err != nil {
		f.replica.Abandon()
		f.contact.lost()
		f.fail(err, now)
		f.reread(now.Add(between(poll/4, poll/2)))
		return false
	}
	v := f.replica.Snapshot(snap.Snapshot)
	f.contact.heard(snap.sent, snap.received, snap.Now, snap.master, f.ttl()/2)
	if v == replica.Reread {
		f.failures++
		delay := between(doubtSoonest, doubtLatest)
		if f.failures >= maxFailures {
			f.failures, f.covered = 0, false
			f.fail(errors.New("it changes too fast to be read"), now)
			delay = poll
		}
		f.reread(now.Add(delay))
		return false
	}
	if !f.health.proven {
		f.pollAt = now // it learns the lease ends, and keeps contact from now on
	}
	f.failures, f.covered, f.health.proven = 0, true, true
	f.live()
	return f.follow(v, now)
}

// looked takes what a poll found, and says whether the hashes of nodes whose
// leases have ended are to be looked for: contact has lasted long enough to judge.
func (f *feed) looked(l look, mark, arrivals uint64, poll time.Duration, now time.Time) (judge, missed bool) {
	f.polling = false
	// Contact lasts only if it is made more often than every half TTL.
	poll = min(poll, f.ttl()*2/5)
	f.pollAt = now.Add(poll - rand.N(poll/3+1))
	if l.err != nil {
		f.contact.lost()
		f.fail(l.err, now)
		f.passed = time.Time{}
		return false, false
	}
	ttl := f.ttl()
	f.contact.heard(l.sent, l.received, l.now, l.master, ttl/2)
	var unbroken time.Duration
	if !f.passed.IsZero() && f.contact.since.Before(f.passed) {
		unbroken = l.received.Sub(f.passed)
	}
	f.passed = l.received
	if f.covered {
		f.live()
	}
	v := f.replica.Poll(l.point, l.members, mark, arrivals)
	if v == replica.Settled && unbroken > 0 {
		f.replica.Pass(unbroken, l.now)
	}
	if f.replica.Renewed(l.end) && v == replica.Settled {
		f.reread(now)
	}
	missed = f.follow(v, now)

	f.expect(l.next)
	if !l.crowded && !slices.ContainsFunc(l.overdue, f.replica.Shows) {
		return false, missed
	}
	if proven := f.contact.provenFrom(ttl); now.Before(proven) {
		f.pollAt = earlier(f.pollAt, proven.Add(between(endSoonest, endLatest)))
		return false, missed
	}
	return true, missed
}

// expect polls on time for a lease end, by Redis's clock; zero is none.
func (f *feed) expect(end time.Time) {
	if !end.IsZero() {
		f.pollAt = earlier(f.pollAt, f.contact.local(end).Add(between(endSoonest, endLatest)))
	}
}

// ttl is the longest TTL of what the feed shows.
func (f *feed) ttl() time.Duration {
	if longest := f.replica.TTL(); longest > 0 {
		return longest
	}
	return DefaultTTL
}

func (f *feed) live() {
	f.health.staleSince, f.health.err = time.Time{}, nil
}

func (f *feed) fail(err error, now time.Time) {
	if f.health.staleSince.IsZero() {
		f.health.staleSince = now
	}
	f.health.err = news(f.health.err, classify(err))
}

// news returns what is to be told of an error that follows another one: the first as
// it is, where both mean the same. Otherwise a view would be made for each failure of
// an outage.
func news(told, err error) error {
	if told == nil {
		return err
	}
	for _, s := range []error{ErrUnavailable, ErrPermission, ErrConflict, ErrInvalid, ErrNotFound, ErrClosed, errors.ErrUnsupported} {
		if errors.Is(told, s) != errors.Is(err, s) {
			return err
		}
	}
	return told
}

// emptied notes since when the feed shows no node.
func (f *feed) emptied(now time.Time) {
	switch {
	case !f.replica.Vacant():
		f.vacantAt = time.Time{}
	case f.vacantAt.IsZero():
		f.vacantAt = now
	}
}

// vacant tells whether the feed has shown no node since then, and is sure of it.
func (f *feed) vacant(since time.Time) bool {
	sure := f.covered && f.health.staleSince.IsZero() && f.health.refused == nil && f.rereadAt.IsZero() && !f.reading && f.probeAt.IsZero()
	return sure && !f.vacantAt.IsZero() && f.vacantAt.Before(since)
}

// next is when the feed has something to do.
func (f *feed) next() time.Time {
	var next time.Time
	for _, t := range []struct {
		at   time.Time
		busy bool
	}{{f.rereadAt, f.reading || !f.subscribed}, {f.probeAt, f.probing || f.reading}, {f.pollAt, f.polling}} {
		if !t.busy && !t.at.IsZero() && (next.IsZero() || t.at.Before(next)) {
			next = t.at
		}
	}
	return next
}
