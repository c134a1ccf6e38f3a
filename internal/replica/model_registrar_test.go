package replica

import (
	"fmt"
	"slices"
	"time"

	"github.com/rollcall-go/rollcall/internal/lifecycle"
	"github.com/rollcall-go/rollcall/internal/record"
)

// A process registers nodes, keeps them alive, and reaps those of others.
type process struct {
	host
	claims   []*claim
	clock    ServerClock
	ahead    time.Duration // how far Redis's clock is ahead of ours by the answers about another service, while clock is not known
	interval time.Duration
	wait     time.Duration // the next backoff
	pending  []pendingDeregister
	rounds   int // so that only the newest schedule counts
	next     int64
	reaps    int // as rounds, of the reaper
}

// A claim is one node as its process sees it.
type claim struct {
	process *process
	id      string
	lease   string // "" until it is fixed
	guess   guess
	lifecycle.Life
	seq, n     uint64
	wanted     bool          // its not registered yet; trying again in the background
	deadline   time.Duration // of the newest call to register it
	callsUntil time.Duration // Redis's: the last deadline of the calls to register its lease
	refused    bool          // Redis refused to renew or register it
	reported   time.Duration // when readers were last informed that it is alive
	truth      truth
}

// A pendingDeregister is tried until Redis executes it, or the lease is over.
type pendingDeregister struct {
	claim       *claim
	by          string
	callsUntil  time.Duration // Redis's: a call to register the lease may come until then
	from, until time.Duration
}

func (w *world) newProcess(ids ...string) *process {
	w.ids++
	p := &process{host: host{w: w, name: fmt.Sprintf("process%d", w.ids)}, interval: w.ttl / 3}
	p.clock.off = w.off
	p.hangs = p.trouble
	for _, id := range ids {
		p.claims = append(p.claims, &claim{process: p, id: id, seq: 1, n: w.rng.Uint64N(1000), wanted: w.chance(0.5)})
	}
	w.processes = append(w.processes, p)
	p.start()
	return p
}

// redis estimates what Redis's clock shows at a time of the process.
func (p *process) redis(at time.Duration) time.Duration {
	if !p.clock.Known() {
		return at + p.ahead
	}
	return time.Duration(p.clock.At(time.Unix(0, int64(at))).UnixNano())
}

// local is the opposite of redis.
func (p *process) local(redis time.Duration) time.Duration { return redis - p.redis(0) }

// trouble is its own: until it renews again, no promise covers it.
func (p *process) trouble() {
	for _, c := range p.claims {
		p.w.troubled(c)
	}
}

// start fixes the leases, after those of the present holders, and registers.
func (p *process) start() {
	type answer struct {
		clock   time.Duration
		holders []string
	}
	w, sent := p.w, p.w.now
	if w.chance(w.plan.guesses) {
		p.guessLeases()
		return
	}
	ask(&p.host, p.interval/3, func(s *server) answer {
		a := answer{clock: s.clock()}
		for _, c := range p.claims {
			holder := ""
			if h := s.hash(c.id); h != nil {
				holder = h.lease
			}
			a.holders = append(a.holders, holder)
		}
		return a
	}, func(a answer, from *server, ok bool) {
		if !ok {
			p.later(w.between(100*time.Millisecond, p.interval), p.start)
			return
		}
		p.clock.Answered(w.answer(sent, a.clock, from), w.ttl/2)
		for i, c := range p.claims {
			start := a.clock.Microseconds()
			if l, err := record.ParseLease(a.holders[i]); err == nil {
				start = max(start, l.Start+1)
			}
			c.choose(start, false)
		}
		deadline := w.now + p.interval/3
		p.register(p.claims, deadline, p.settle)
		p.scheduleReap(0)
	})
}

// settle draws the conclusion of a first registration: one that failed leaves
// nothing behind, unless it is to go on.
func (p *process) settle(ok bool) {
	for _, c := range p.claims {
		if !ok && !c.Confirmed && !c.wanted && !c.Over() {
			p.leave(c)
		}
	}
	p.schedule(ok)
}

// end is the end of a claim on its own side.
func (p *process) end(c *claim) { p.w.troubled(c) }

// script sends a call about some claims. It reports the reply, without codes where the call
// failed.
func (p *process) script(claims []*claim, deadline time.Duration, do func(*server, call) reply, then func(reply)) {
	w, sent := p.w, p.w.now
	c := call{deadline: p.redis(deadline), nonce: w.nonce()}
	for _, one := range claims {
		c.nodes = append(c.nodes, touch{one.id, one.lease, one.seq, w.recordOf(one.id, one.n), one.guess.guessed && !one.Confirmed})
	}
	ask(&p.host, deadline-w.now, func(s *server) reply { return do(s, c) }, func(r reply, from *server, ok bool) {
		if ok && !r.refused {
			p.clock.Answered(w.answer(sent, r.now, from), w.ttl/2)
		}
		for _, one := range claims {
			one.refused = ok && r.refused
		}
		if !ok || r.failed {
			if r.refused {
				p.clock.Failed()
			}
			then(reply{late: ok && r.late})
			return
		}
		p.sawLeaseEnd(r.next)
		r.nodes = c.nodes
		then(r)
	})
}

func (p *process) register(claims []*claim, deadline time.Duration, then func(ok bool)) {
	p.send(claims, deadline, 2, then)
}

// send registers claims. It does so again where Redis's clock was not where it was taken to be,
// and where leases were chosen anew, so many times.
func (p *process) send(claims []*claim, deadline time.Duration, more int, then func(ok bool)) {
	claims = slices.DeleteFunc(slices.Clone(claims), func(c *claim) bool { return c.Over() })
	if len(claims) == 0 {
		then(true)
		return
	}
	for _, c := range claims {
		c.deadline, c.callsUntil = deadline, max(c.callsUntil, p.redis(deadline))
	}
	p.script(claims, deadline, (*server).register, func(r reply) {
		if anew := p.chooseAnew(claims, r); (anew || r.late) && more > 0 {
			p.send(claims, deadline, more-1, then)
			return
		}
		var again []*claim
		for i, code := range r.codes {
			if code == 0 {
				again = append(again, claims[i]) // another node of the call was refused
			}
			p.applyCode(claims[i], code)
		}
		if len(again) > 0 && len(again) < len(claims) {
			p.register(again, deadline, then)
			return
		}
		then(r.codes != nil)
	})
}

// applyCode does what the code of one claim says. The table of package lifecycle decides
// what becomes of the claim, as it does in a registrar.
func (p *process) applyCode(c *claim, code int) {
	was := c.Over()
	switch {
	case code > 0:
		c.On(lifecycle.Renewed, c.wanted)
	case code == -1:
		c.On(lifecycle.TakenOver, c.wanted)
	case code < -1:
		c.On(lifecycle.OperatorRemoved, c.wanted)
	}
	if code < 0 && !c.Over() { // its Register fails, and nothing is left of it
		c.On(lifecycle.Ended, false)
	}
	if c.Over() && !was {
		p.w.note("%s: %s is %v, code %d", p.name, c.id, c.State, code)
		p.end(c)
	}
}

// leave ends a claim for good, and deregisters until Redis executes it. A call to
// register whose outcome is not known may yet come, as late as its deadline.
func (p *process) leave(c *claim) {
	g := pendingDeregister{claim: c, by: bySelf, from: p.w.now, until: p.w.now + p.w.ttl}
	if !c.Confirmed {
		g.by, g.from, g.callsUntil = byUndo, c.deadline, c.callsUntil
		g.until = max(c.deadline, p.local(c.callsUntil)) + p.w.ttl
	}
	c.On(lifecycle.Ended, false)
	p.end(c)
	p.pending = append(p.pending, g)
	p.soon(max(p.due(g)-p.w.now, 0) + time.Millisecond)
}

// update changes a node's record.
func (p *process) update(c *claim) {
	c.seq++
	c.n++
	p.register([]*claim{c}, p.w.now+p.interval/3, func(ok bool) {
		if !ok {
			p.soon(0)
		}
	})
}
