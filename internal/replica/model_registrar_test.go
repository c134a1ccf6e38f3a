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
	interval time.Duration
	wait     time.Duration // the next backoff
	pending  []pendingDeregister
	rounds   int // so that only the newest schedule counts
	next     int64
	looks    int // as rounds, of the reaper
}

// A claim is one node as its process sees it.
type claim struct {
	process *process
	id      string
	lease   string // "" until it is fixed
	lifecycle.Life
	seq, n   uint64
	wanted   bool          // its registration goes on in the background
	deadline time.Duration // of the newest call to register it
	refused  bool          // Redis refused to renew or register it
	reported time.Duration // when readers were last informed that it is alive
	truth    truth
}

// A pendingDeregister is tried until Redis executes it, or the lease is over.
type pendingDeregister struct {
	claim       *claim
	by          string
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
	return time.Duration(p.clock.At(time.Unix(0, int64(at))).UnixNano())
}

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
			c.lease = record.Lease{Start: start, Nonce: w.nonce()}.String()
			w.claims[c.lease] = c
		}
		deadline := w.now + p.interval/3
		p.register(p.claims, deadline, p.settle)
		p.look(0)
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

// script sends a call about some claims. It reports the codes, or nil.
func (p *process) script(claims []*claim, deadline time.Duration, do func(*server, call) reply, then func([]int)) {
	w, sent := p.w, p.w.now
	c := call{deadline: p.redis(deadline), nonce: w.nonce()}
	for _, one := range claims {
		c.nodes = append(c.nodes, touch{one.id, one.lease, one.seq, w.recordOf(one.id, one.n)})
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
			then(nil)
			return
		}
		p.sawLeaseEnd(r.next)
		then(r.codes)
	})
}

func (p *process) register(claims []*claim, deadline time.Duration, then func(ok bool)) {
	claims = slices.DeleteFunc(slices.Clone(claims), func(c *claim) bool { return c.Over() })
	if len(claims) == 0 {
		then(true)
		return
	}
	for _, c := range claims {
		c.deadline = deadline
	}
	p.script(claims, deadline, (*server).register, func(codes []int) {
		var again []*claim
		for i, code := range codes {
			if code == 0 {
				again = append(again, claims[i]) // another node of the call was refused
			}
			p.applyCode(claims[i], code)
		}
		if len(again) > 0 && len(again) < len(claims) {
			p.register(again, deadline, then)
			return
		}
		then(codes != nil)
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

// schedule sets the next round: after an interval, or a backoff.
func (p *process) schedule(ok bool) {
	w := p.w
	d := w.between(p.interval*9/10, p.interval)
	if ok {
		p.wait = min(p.interval/10, 200*time.Millisecond)
	} else {
		d = w.between(p.wait/2, p.wait*3/2)
		p.wait = min(p.wait*3/2, p.interval*2/3)
	}
	for _, g := range p.pending {
		d = min(d, max(g.from-w.now, 0)+time.Millisecond)
	}
	for _, c := range p.claims {
		if next := c.reported + p.interval; c.refused && next > w.now {
			d = min(d, next-w.now)
		}
	}
	p.soon(d)
}

func (p *process) soon(d time.Duration) {
	p.rounds++
	mine := p.rounds
	p.later(d, func() {
		if mine == p.rounds {
			p.round()
		}
	})
}

// round renews, registers again what Redis does not know, and deregisters.
func (p *process) round() {
	p.rounds++
	mine, deadline := p.rounds, p.w.now+p.interval/3
	var renew, again []*claim
	for _, c := range p.claims {
		if !c.Over() && c.Confirmed {
			renew = append(renew, c)
		} else if !c.Over() {
			again = append(again, c)
		}
	}
	p.renew(renew, deadline, func(lost []*claim, renewed bool) {
		if p.w.isOff(ruleAgain) {
			lost = nil
		}
		p.register(append(again, lost...), deadline, func(registered bool) {
			p.part(deadline, func(parted bool) {
				p.reportLive(func() {
					if mine == p.rounds {
						p.schedule(renewed && registered && parted)
					}
				})
			})
		})
	})
}

// reportLive informs readers of the claims that could not be renewed because Redis refuses
// to, each once an interval.
func (p *process) reportLive(then func()) {
	w := p.w
	l := record.Live{Since: redis(p.redis(w.now)), Why: "READONLY"}
	var claims []*claim
	for _, c := range p.claims {
		if !c.Over() && c.Confirmed && c.refused && (c.reported == 0 || w.now-c.reported >= p.interval*9/10) {
			claims = append(claims, c)
			l.Nodes = append(l.Nodes, record.LiveNode{Lease: c.lease, ID: c.id})
		}
	}
	if len(claims) == 0 || w.isOff(ruleReport) {
		then()
		return
	}
	ask(&p.host, p.interval/3, func(s *server) bool {
		s.publishLive(l)
		return true
	}, func(_ bool, _ *server, ok bool) {
		for _, c := range claims {
			if ok {
				c.reported = w.now
			}
		}
		then()
	})
}

// renew reports which claims have to be registered again. While the slot moves
// it goes node by node.
func (p *process) renew(claims []*claim, deadline time.Duration, then func(again []*claim, ok bool)) {
	if len(claims) == 0 {
		then(nil, true)
		return
	}
	var again []*claim
	conclude := func(claims []*claim, codes []int) {
		for i, code := range codes {
			if code == 0 {
				claims[i].On(lifecycle.Forgotten, true)
				again = append(again, claims[i])
			}
			p.applyCode(claims[i], code)
		}
	}
	if !p.w.master.migrating {
		p.script(claims, deadline, (*server).renew, func(codes []int) {
			conclude(claims, codes)
			then(again, codes != nil)
		})
		return
	}
	left, ok := len(claims), true
	for _, c := range claims {
		p.script([]*claim{c}, deadline, (*server).renewNode, func(codes []int) {
			conclude([]*claim{c}, codes)
			left, ok = left-1, ok && codes != nil
			if left == 0 {
				then(again, ok)
			}
		})
	}
}

// part makes the deregistrations that are due.
func (p *process) part(deadline time.Duration, then func(ok bool)) {
	w := p.w
	p.pending = slices.DeleteFunc(p.pending, func(g pendingDeregister) bool { return w.now > g.until })
	i := slices.IndexFunc(p.pending, func(g pendingDeregister) bool { return w.now >= g.from })
	if i < 0 || w.now >= deadline {
		then(i < 0)
		return
	}
	g := p.pending[i]
	p.deregister(g, deadline, func(ok bool) {
		if !ok {
			then(false)
			return
		}
		p.pending = slices.DeleteFunc(p.pending, func(other pendingDeregister) bool { return other.claim == g.claim })
		p.part(deadline, then)
	})
}

func (p *process) deregister(g pendingDeregister, deadline time.Duration, then func(ok bool)) {
	p.script([]*claim{g.claim}, deadline, func(s *server, c call) reply {
		return s.deregister(c, g.by)
	}, func(codes []int) {
		then(codes != nil)
	})
}

// leave ends a claim for good, and deregisters until Redis executes it. A call to
// register whose outcome is not known may yet come, as late as its deadline.
func (p *process) leave(c *claim) {
	g := pendingDeregister{c, bySelf, p.w.now, p.w.now + p.w.ttl}
	if !c.Confirmed {
		g.by, g.from, g.until = byUndo, c.deadline, c.deadline+p.w.ttl
	}
	c.On(lifecycle.Ended, false)
	p.end(c)
	p.pending = append(p.pending, g)
	p.soon(max(g.from-p.w.now, 0) + time.Millisecond)
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
