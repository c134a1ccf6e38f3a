package replica

import (
	"slices"
	"time"
)

// A fault befalls the world at some time. It heals by itself.
type fault struct {
	name string
	do   func(*world)
}

func (f fault) String() string { return f.name }

var faults = []fault{
	{"flush", (*world).flush},
	{"restart", (*world).restart},
	{"failover", func(w *world) { w.failover(w.between(0, 3*time.Second)) }},
	{"lagging failover", func(w *world) { w.failover(w.between(0, w.ttl)) }},
	{"short stop", func(w *world) { w.stop(w.between(0, w.ttl/2)) }},
	{"long stop", func(w *world) { w.stop(w.between(w.ttl/2, 2*w.ttl)) }},
	{"step", (*world).step},
	{"mass pause", (*world).massPause},
	{"migration", func(w *world) { w.migrate(w.between(time.Second, 2*w.ttl)) }},
	{"writes refused", func(w *world) { w.refuse(w.between(0, 4*w.ttl)) }},
	{"index evicted", func(w *world) { w.lose("the index", func(s *server) { clear(s.index) }) }},
	{"version evicted", func(w *world) { w.lose("the version", (*server).evictVersion) }},
	{"log evicted", func(w *world) { w.lose("the log", func(s *server) { s.log = nil }) }},
	{"hash evicted", func(w *world) {
		id := pick(w, w.master.ids())
		w.lose("the hash of "+id, func(s *server) { delete(s.hashes, id) })
	}},
	{"cut", func(w *world) { pick(w, w.readers).sub.sever(false) }},
	{"half-open", func(w *world) { pick(w, w.readers).sub.sever(true) }},
	{"reader away", func(w *world) { w.away(pick(w, w.readers), w.between(0, 2*w.ttl)) }},
	{"reader paused", func(w *world) { w.pauseReader(pick(w, w.readers), w.between(0, 2*w.ttl)) }},
	{"process away", func(w *world) { w.lone(pick(w, w.processes), w.between(0, 2*w.ttl), false) }},
	{"process paused", func(w *world) { w.lone(pick(w, w.processes), w.between(0, 2*w.ttl), true) }},
}

// some returns the faults of these names.
func some(names ...string) []fault {
	return slices.DeleteFunc(slices.Clone(faults), func(f fault) bool { return !slices.Contains(names, f.name) })
}

// disturb is called when a fault of the registry begins or ends: what was expected
// of the readers is spoilt, and the differences that it made are to be healed.
func (w *world) disturb() {
	w.oracle.faults++
	w.oracle.lastFault = w.now
	for _, r := range w.readers {
		r.trouble()
		w.expectHealed(r)
		w.expectMended(r)
	}
}

// trouble is called when contact with Redis ends or begins.
func (r *reader) trouble() {
	r.excuse()
	r.truth.troubles++
	r.truth.lastTrouble = r.w.now
}

func (w *world) flush() {
	if w.master.stopped {
		return
	}
	w.note("%s: flushed", w.master.name)
	w.master.flush()
	w.oracle.untagged = w.now
	w.disturb()
	w.expectBack()
}

// restart brings the master back without data and without connections.
func (w *world) restart() {
	if w.master.stopped {
		return
	}
	for _, sub := range w.master.subscriptions {
		sub.sever(false)
	}
	w.flush()
}

// lose has the master lose something, as an eviction or an operator does. Not
// while its slot moves, or just after: no process could register again in time.
func (w *world) lose(what string, do func(*server)) {
	if w.master.stopped || w.master.migrating || w.strained() {
		return
	}
	w.note("%s: loses %s", w.master.name, what)
	do(w.master)
	w.oracle.untagged = w.now
	w.disturb()
}

// failover promotes a replica whose link broke a while ago. The old master lives
// on for those who are subscribed to it; in time it may become a replica itself,
// and then passes on what the new master publishes.
func (w *world) failover(lag time.Duration) {
	old := w.master
	next := old.clone()
	w.note("%s: link of its replica %s breaks", old.name, next.name)
	w.after(lag, func() {
		if w.master != old || old.migrating || w.suspended {
			return // another failover came first
		}
		next.skew += w.between(-300*time.Millisecond, 300*time.Millisecond)
		w.note("%s: promoted at rev %d %.6s", next.name, next.version.Rev, next.version.Tag)
		w.master = next
		w.oracle.untagged = w.now
		w.disturb()
		halfOpen := w.chance(0.5)
		if w.chance(0.5) {
			w.after(w.between(0, time.Second), func() {
				w.note("%s: is a replica of %s now", old.name, next.name)
				old.dead, next.demoted = true, append(next.demoted, old)
			})
		}
		w.after(w.between(0, 10*time.Second), func() {
			for _, sub := range old.subscriptions {
				sub.sever(halfOpen)
			}
			old.dead = true
		})
	})
}

// stop freezes the master for a while, as SIGSTOP does.
func (w *world) stop(d time.Duration) {
	s := w.master
	if s.stopped || w.strained() {
		return
	}
	w.note("%s: stopped for %v", s.name, d)
	s.stopped = true
	w.oracle.ongoing++
	for _, r := range w.readers {
		r.truth.troubled++
	}
	w.disturb()
	w.after(d, func() {
		w.note("%s: goes on", s.name)
		s.stopped = false
		w.oracle.strained = w.now
		w.oracle.ongoing--
		for _, r := range w.readers {
			r.truth.troubled--
		}
		w.oracle.untagged = w.now
		w.disturb()
		waiting := s.waiting
		s.waiting = nil
		for _, do := range waiting {
			do()
		}
	})
}

// massPause pauses everything for a while, as a host does that is
// suspended with all that runs on it. Only the clocks go on.
func (w *world) massPause() {
	if w.master.stopped || w.strained() {
		return
	}
	d := w.between(0, 2*w.ttl)
	w.stop(d)
	w.suspended = true
	w.after(d, func() { w.suspended = false })
	for _, r := range w.readers {
		w.pauseReader(r, d)
	}
	for _, p := range w.processes {
		if !p.paused {
			p.paused = true
			w.after(d, func() {
				p.paused = false
				w.after(0, p.resume)
			})
		}
	}
}

// strained reports whether leases have just been put to the test by a stop or a step
// of the clock. Two of these within one grace can be so short that no process notices,
// and so long together that leases end: that is out of reach of the rules.
func (w *world) strained() bool {
	return !w.plan.flapping && w.oracle.strained != 0 && w.now-w.oracle.strained < w.ttl
}

// step sets the master's clock.
func (w *world) step() {
	if w.master.stopped || w.strained() {
		return
	}
	w.oracle.strained, w.oracle.stepped = w.now, w.now
	d := w.between(-w.ttl, 2*w.ttl)
	w.note("%s: clock steps by %v", w.master.name, d)
	w.master.skew += d
	w.oracle.untagged = w.now
	w.disturb()
}

// migrate moves the slot: for a while calls that name two keys are refused.
func (w *world) migrate(d time.Duration) {
	s := w.master
	if s.migrating {
		return
	}
	w.note("%s: slot moves for %v", s.name, d)
	s.migrating = true
	w.oracle.ongoing++
	w.disturb()
	w.after(d, func() {
		w.note("%s: slot moved", s.name)
		s.migrating = false
		w.oracle.strained = w.now
		w.oracle.ongoing--
		w.disturb()
	})
}

// away cuts a reader off from Redis, its subscription included.
func (w *world) away(r *reader, d time.Duration) {
	if r.isolated {
		return
	}
	w.note("%s: cut off for %v", r.name, d)
	r.isolated = true
	r.sub.sever(w.chance(0.5))
	w.trouble(r, d, func() { r.isolated = false })
}

func (w *world) pauseReader(r *reader, d time.Duration) {
	if r.paused {
		return
	}
	w.note("%s: paused for %v", r.name, d)
	r.paused = true
	w.trouble(r, d, r.resume)
}

// trouble has one reader out of contact for a while.
func (w *world) trouble(r *reader, d time.Duration, end func()) {
	r.trouble()
	r.truth.troubled++
	w.after(d, func() {
		w.note("%s: back", r.name)
		r.truth.troubled--
		r.trouble()
		w.expectHealed(r)
		end()
	})
}

// lone cuts a process off, or pauses it. It does not renew in time, and no process
// owes it anything before it has registered or renewed again.
func (w *world) lone(p *process, d time.Duration, pause bool) {
	if p == nil || p.isolated || p.paused || p.crashed {
		return
	}
	w.note("%s: away for %v, paused %v", p.name, d, pause)
	p.isolated, p.paused = !pause, pause
	p.trouble()
	w.after(d, func() {
		w.note("%s: back", p.name)
		p.isolated = false
		p.resume()
	})
}

// expectBack has every living node registered again within an interval and a
// second.
func (w *world) expectBack() {
	faults, within := w.oracle.faults, w.ttl/3+time.Second+w.allowance()
	if w.plan.hang > 0 {
		within += w.ttl / 3 // a round may be lost to calls that hang
	}
	for _, p := range w.processes {
		for _, c := range p.claims {
			since := c.truth.since
			if !c.truth.mustShow || w.oracle.ongoing > 0 {
				continue
			}
			w.after(within, func() {
				if c.truth.mustShow && c.truth.since == since && w.oracle.faults == faults && !w.master.alive(c.id) {
					w.fail(recovers, "%s after a flush", c.id)
				}
			})
		}
	}
}
