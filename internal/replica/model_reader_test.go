package replica

import (
	"fmt"
	"time"

	"github.com/rollcall-go/rollcall/internal/record"
)

// A reader drives a Replica as the owner of one does: it subscribes, reads
// snapshots, polls, and asks when in doubt.
type reader struct {
	host
	rep     *Replica
	contact contact
	gap     bool // the last poll failed
	sub     *subscription

	attempt int // of snapshots, so that only the newest counts
	taking  bool
	tries   int
	polls   int // so that only the newest schedule counts
	next    int64
	probing bool
	asking  map[string]bool // nodes whose hashes are asked for

	shown map[string]Node // by the changes alone
	truth readerTruth
}

// limit is how long a reader waits for an answer.
const limit = time.Second

func (w *world) newReader() *reader {
	w.ids++
	r := &reader{
		host: host{w: w, name: fmt.Sprintf("reader%d", w.ids)},
		rep:  New(), asking: map[string]bool{}, shown: map[string]Node{},
	}
	r.rep.off = w.off
	r.contact.w = w
	r.truth.told, r.truth.needed = map[string]uint64{}, 1
	w.readers = append(w.readers, r)
	r.subscribe()
	r.schedule()
	return r
}

// A source says which input made a change.
type source struct {
	name string
	at   time.Duration // when Redis was asked
}

// input gives the replica an input and does what it says.
func (r *reader) input(from source, give func() Verdict) {
	before := r.rep.At()
	v := give()
	if now := r.rep.At(); now != before {
		r.w.note("%s: at rev %d %.6s by %s", r.name, now.Rev, now.Tag, from.name)
	}
	r.w.check(r, from)
	switch v {
	case Doubt:
		r.doubt()
	case Reread:
		r.snapshot()
	case Missed:
		r.w.note("%s: events were missed", r.name)
		r.w.missed(r)
		if r.w.isOff(ruleRecreate) {
			r.snapshot()
		} else {
			r.subscribe()
		}
	case Settled:
	}
}

// subscribe makes a new subscription, and reads the service once it is there.
func (r *reader) subscribe() {
	if r.sub != nil {
		r.sub.closed = true
	}
	r.abandon()
	sub := &subscription{w: r.w, of: r}
	r.sub = sub
	ask(&r.host, limit, func(s *server) bool {
		sub.server = s
		s.subscriptions = append(s.subscriptions, sub)
		return true
	}, func(_ bool, from *server, ok bool) {
		switch {
		case sub.closed || sub.broken:
		case !ok:
			r.later(r.w.between(0, 200*time.Millisecond), func() { r.cut(sub) })
		default:
			r.w.note("%s: subscribed to %s", r.name, from.name)
			sub.acked = true
			r.snapshot()
		}
	})
	if r.w.isOff(ruleSubscribeFirst) {
		r.snapshot()
	}
}

// cut is told that a subscription has ended.
func (r *reader) cut(sub *subscription) {
	if r.sub == sub {
		r.subscribe()
	}
}

func (r *reader) event(e record.Event) {
	r.input(source{name: "event"}, func() Verdict { return r.rep.Event(e) })
}

// schedule sets the next poll: jittered, and soon after the next lease end.
func (r *reader) schedule() {
	w := r.w
	least, most := min(2*time.Second, w.ttl/6), w.poll()
	d := w.between(least, most)
	if r.next > 0 {
		end := r.contact.last + time.Duration(r.next)*time.Millisecond - r.contact.clock
		d = min(d, max(end-w.now, 0)+w.between(50*time.Millisecond, 300*time.Millisecond))
	}
	r.polls++
	mine := r.polls
	r.later(d, func() {
		if mine == r.polls {
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

// poll compares the version and the size of the index, and finds leases that
// have ended.
func (r *reader) poll() {
	w, sent := r.w, r.w.now
	mark, arrivals := r.rep.Mark(), r.rep.Arrivals()
	r.polls++
	ask(&r.host, limit, (*server).look, func(l look, from *server, ok bool) {
		r.next = 0
		defer r.schedule()
		if !ok {
			r.gap = true
			return
		}
		r.hear(sent, l.clock, from)
		if w.isOff(ruleMark) {
			mark = r.rep.Mark()
		}
		if w.isOff(ruleArrivals) {
			arrivals = r.rep.Arrivals()
		}
		r.input(source{name: "poll"}, func() Verdict { return r.rep.Poll(l.version, len(l.ends), mark, arrivals) })
		r.overdue(l)
	})
}

// hear takes contact from an answer. Only time in which polls succeed counts
// for holds.
func (r *reader) hear(sent, clock time.Duration, from *server) {
	w, before := r.w, r.contact.last
	held := r.contact.heard(sent, clock, from)
	if held && !r.gap || w.isOff(ruleHoldClock) {
		if !w.isOff(ruleHoldEnds) {
			r.input(source{name: "pass"}, func() Verdict {
				r.rep.Pass(w.now-before, time.UnixMicro(clock.Microseconds()))
				return Settled
			})
		}
	}
	r.gap = false
}

// doubt asks for the version in a while.
func (r *reader) doubt() {
	w := r.w
	if w.isOff(ruleDoubt) {
		r.snapshot()
		return
	}
	if r.probing {
		return
	}
	r.probing = true
	r.later(w.between(40*time.Millisecond, 200*time.Millisecond), func() {
		mark, arrivals := r.rep.Mark(), r.rep.Arrivals()
		ask(&r.host, limit, func(s *server) Point { return s.version }, func(p Point, _ *server, ok bool) {
			r.probing = false
			if !ok {
				return // the poll will see
			}
			if w.isOff(ruleMark) {
				mark = r.rep.Mark()
			}
			if w.isOff(ruleArrivals) {
				arrivals = r.rep.Arrivals()
			}
			r.input(source{name: "probe"}, func() Verdict { return r.rep.Probe(p, mark, arrivals) })
		})
	})
}

// overdue finds the lease end that comes next, and asks for the hashes of the
// nodes whose leases have ended.
func (r *reader) overdue(l look) {
	w := r.w
	var ids []string
	for _, e := range l.ends {
		if e.at > l.clock.Milliseconds() {
			r.next = e.at
			break
		}
		if !r.asking[e.id] {
			ids = append(ids, e.id)
		}
	}
	if len(ids) == 0 {
		return
	}
	if proven := r.contact.provenFrom(ruleReaderGrace); w.now < proven {
		// The next poll after that comes to it again.
		again := proven.Milliseconds() + (r.contact.clock - r.contact.last).Milliseconds()
		if r.next == 0 || again < r.next {
			r.next = again
		}
		return
	}
	r.missing(ids)
}

// missing removes those of the nodes that have no hash.
func (r *reader) missing(ids []string) {
	w, sent, mark := r.w, r.w.now, r.rep.Mark()
	for _, id := range ids {
		r.asking[id] = true
	}
	var asked time.Duration
	ask(&r.host, limit, func(s *server) []string {
		asked = w.now
		var gone []string
		for _, id := range ids {
			if !s.alive(id) || w.isOff(ruleHash) {
				gone = append(gone, id)
			}
		}
		return gone
	}, func(gone []string, from *server, ok bool) {
		for _, id := range ids {
			delete(r.asking, id)
		}
		if !ok || from != r.contact.master || sent < r.contact.provenFrom(ruleReaderGrace) {
			return
		}
		if w.isOff(ruleMark) {
			mark = r.rep.Mark()
		}
		now := time.UnixMicro(r.contact.clock.Microseconds())
		r.input(source{name: "missing", at: asked}, func() Verdict {
			r.rep.Missing(gone, mark, now)
			return Settled
		})
	})
}
