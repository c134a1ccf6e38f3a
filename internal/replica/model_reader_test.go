package replica

import (
	"fmt"
	"slices"
	"time"

	"github.com/rollcall-go/rollcall/internal/record"
)

// A reader drives a Replica as the owner of one does: it subscribes, reads
// snapshots, polls, and asks when in doubt.
type reader struct {
	host
	rep     *Replica
	contact contact
	sub     *subscription

	taking   *taking // the snapshot under way
	rereadAt time.Duration
	tries    int
	pollAt   time.Duration
	probeAt  time.Duration
	probing  bool
	passed   time.Duration // when the last poll was answered
	owed     time.Duration // contact until then, not yet counted for holds

	shown map[string]Node // by the changes alone
	truth readerTruth
}

// limit is how long readers and reapers wait for an answer.
const limit = time.Second

func (w *world) newReader() *reader {
	w.ids++
	r := &reader{
		host: host{w: w, name: fmt.Sprintf("reader%d", w.ids)},
		rep:  New(), shown: map[string]Node{},
	}
	r.rep.off = w.off
	r.contact.w = w
	r.truth.told, r.truth.words = map[string]uint64{}, map[string]time.Duration{}
	w.readers = append(w.readers, r)
	r.subscribe()
	r.pollBy(w.now + w.between(0, w.poll()))
	return r
}

// A source says which input made a change.
type source struct {
	name string
	at   time.Duration // when Redis answered, where that is not now
}

// input gives the replica an input and does what it says.
func (r *reader) input(from source, give func() Verdict) {
	before := r.rep.at
	v := give()
	if now := r.rep.at; now != before {
		r.w.note("%s: at rev %d %.6s by %s", r.name, now.Rev, now.Tag, from.name)
	}
	r.w.check(r, from)
	switch v {
	case Settled:
		r.probeAt = 0
	case Doubt:
		r.doubt(from)
	case Reread:
		r.w.troubling(r, from, v)
		r.reread(0)
	case Missed:
		r.w.troubling(r, from, v)
		r.reread(0)
		if !r.w.isOff(ruleRecreate) {
			r.renew(r.sub)
		}
	}
}

// subscribe makes a new subscription, and reads the service once it is there.
func (r *reader) subscribe() {
	r.sub = &subscription{w: r.w, of: r}
	if r.w.isOff(ruleSubscribeFirst) {
		r.reread(0)
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
				r.reread(0)
			}
		}
	})
}

// renew ends a subscription that has failed, and makes another.
func (r *reader) renew(sub *subscription) {
	if r.sub == sub && !sub.closed {
		r.w.note("%s: subscribes again", r.name)
		sub.closed = true
		r.later(r.w.between(time.Millisecond, 200*time.Millisecond), r.subscribe)
	}
}

func (r *reader) event(e record.Event) {
	r.input(source{name: "event"}, func() Verdict { return r.rep.Event(e) })
}

// live takes the message of nodes that they live.
func (r *reader) live(l record.Live) {
	now := time.UnixMicro(r.contact.at(r.w.now).Microseconds())
	r.input(source{name: "live"}, func() Verdict {
		r.rep.Live(l, now)
		return r.rep.verdict()
	})
	r.w.heard(r, l, now)
}

// renewed ends the holds of members that have renewed since they told that they live.
func (r *reader) renewed(l look, v Verdict) {
	reread := r.rep.Renewed(func(id string) (at time.Time) {
		for _, e := range l.ends {
			if e.id == id {
				at = time.UnixMilli(e.at)
			}
		}
		return at
	})
	if reread && v == Settled {
		r.reread(0)
	}
}

// pollBy polls at a time, or sooner if that was agreed.
func (r *reader) pollBy(at time.Duration) {
	if r.pollAt != 0 && r.pollAt <= at {
		return
	}
	r.pollAt = at
	r.later(at-r.w.now, func() {
		if r.pollAt == at {
			r.poll()
		}
	})
}

// A look is what one MULTI reads.
type look struct {
	version Point
	log     []record.LogEntry
	ends    []end
	clock   time.Duration
}

func (s *server) look() look {
	return look{version: s.version, log: s.log, ends: s.ends(), clock: s.clock()}
}

// A question is when something was asked, and what the replica knew then.
type question struct {
	sent           time.Duration
	mark, arrivals uint64
}

func (r *reader) question() question { return question{r.w.now, r.rep.Mark(), r.rep.Arrivals()} }

// answered is the question as the rules want it when the answer has come.
func (r *reader) answered(q question) question {
	if r.w.isOff(ruleMark) {
		q.mark = r.rep.Mark()
	}
	if r.w.isOff(ruleArrivals) {
		q.arrivals = r.rep.Arrivals()
	}
	return q
}

// poll compares the version and the size of the index, and finds leases that
// have ended.
func (r *reader) poll() {
	w, q := r.w, r.question()
	var asked time.Duration
	ask(&r.host, limit, func(s *server) look {
		asked = w.now
		return s.look()
	}, func(l look, from *server, ok bool) {
		r.pollAt = 0
		r.pollBy(w.now + w.between(w.poll()*2/3, w.poll()))
		if !ok {
			r.contact.failed = true
			if !w.isOff(ruleHoldClock) {
				r.passed = 0
			}
			return
		}
		r.contact.heard(q.sent, l.clock, from)
		r.owed = w.now - r.passed
		if r.passed == 0 || r.contact.since >= r.passed && !w.isOff(ruleHoldClock) {
			r.owed = 0
		}
		r.passed = w.now
		if w.isOff(ruleHoldSettled) {
			r.pass(asked, l.clock)
		}
		q = r.answered(q)
		v := Settled
		r.input(source{name: "poll"}, func() Verdict {
			v = r.rep.Poll(l.version, len(l.ends), q.mark, q.arrivals)
			return v
		})
		if v == Settled {
			r.pass(asked, l.clock)
		}
		r.renewed(l, v)
		r.overdue(l)
	})
}

// pass counts contact for holds, once a look has shown that the view is Redis's
// own: in doubt, a node that is held may be back.
func (r *reader) pass(asked, clock time.Duration) {
	if r.owed > 0 && !r.w.isOff(ruleHoldEnds) {
		r.input(source{name: "pass", at: asked}, func() Verdict {
			r.rep.Pass(r.owed, time.UnixMicro(clock.Microseconds()))
			return r.rep.verdict()
		})
	}
	r.owed = 0
}

// doubt asks for the version in a while, unless a snapshot comes first.
func (r *reader) doubt(from source) {
	w := r.w
	if w.isOff(ruleDoubt) {
		w.troubling(r, from, Reread)
		r.reread(0)
		return
	}
	if r.probeAt != 0 {
		return
	}
	at := w.now + w.between(40*time.Millisecond, 200*time.Millisecond)
	r.probeAt = at
	r.later(at-w.now, r.probe)
}

// probe asks for the version, if that is due and no snapshot is under way.
func (r *reader) probe() {
	if r.probeAt == 0 || r.probeAt > r.w.now || r.probing || r.taking != nil {
		return
	}
	q := r.question()
	r.probing = true
	ask(&r.host, limit, func(s *server) Point { return s.version }, func(p Point, _ *server, ok bool) {
		r.probing, r.probeAt = false, 0
		if !ok {
			r.doubt(source{name: "probe"})
			return
		}
		q = r.answered(q)
		r.input(source{name: "probe"}, func() Verdict { return r.rep.Probe(p, q.mark, q.arrivals) })
	})
}

// overdue has the next poll come on time for the next lease end, and asks for
// the hashes of the nodes whose leases have ended.
func (r *reader) overdue(l look) {
	w := r.w
	var ids []string
	soon := w.between(50*time.Millisecond, 300*time.Millisecond)
	for _, e := range l.ends {
		if e.at > l.clock.Milliseconds() {
			if w.isOff(ruleLeaseEnds) {
				break
			}
			r.pollBy(max(w.now, r.contact.last+time.Duration(e.at)*time.Millisecond-r.contact.clock) + soon)
			break
		}
		if r.rep.Shows(e.id) {
			ids = append(ids, e.id)
		}
	}
	if len(ids) == 0 {
		return
	}
	if proven := r.contact.provenFrom(ruleReaderGrace); w.now < proven {
		r.pollBy(proven + soon)
		return
	}
	r.missing(ids)
}

// missing removes those of the nodes that have no hash.
func (r *reader) missing(ids []string) {
	w, q := r.w, r.question()
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
		if !ok || from != r.contact.master && !w.isOff(ruleOneMaster) {
			return
		}
		q = r.answered(q)
		now := time.UnixMicro(r.contact.clock.Microseconds())
		r.input(source{name: "missing", at: asked}, func() Verdict {
			r.rep.Missing(gone, q.mark, now)
			return r.rep.verdict()
		})
	})
}
