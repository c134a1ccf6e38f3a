package replica

import (
	"slices"
	"time"

	"github.com/rollcall-go/rollcall/internal/lifecycle"
	"github.com/rollcall-go/rollcall/internal/record"
)

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
		d = min(d, max(p.due(g)-w.now, 0)+time.Millisecond)
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
			p.deliverPending(deadline, func(deregistered bool) {
				p.reportLive(func() {
					if mine == p.rounds {
						p.schedule(renewed && registered && deregistered)
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
		p.script(claims, deadline, (*server).renew, func(r reply) {
			conclude(claims, r.codes)
			then(again, r.codes != nil)
		})
		return
	}
	left, ok := len(claims), true
	for _, c := range claims {
		p.script([]*claim{c}, deadline, (*server).renewNode, func(r reply) {
			conclude([]*claim{c}, r.codes)
			left, ok = left-1, ok && r.codes != nil
			if left == 0 {
				then(again, ok)
			}
		})
	}
}

// deliverPending makes the deregistrations that are due.
func (p *process) deliverPending(deadline time.Duration, then func(ok bool)) {
	w := p.w
	p.pending = slices.DeleteFunc(p.pending, func(g pendingDeregister) bool { return w.now > g.until })
	i := slices.IndexFunc(p.pending, func(g pendingDeregister) bool { return w.now >= p.due(g) })
	if i < 0 || w.now >= deadline {
		then(i < 0)
		return
	}
	g := p.pending[i]
	p.deregister(g, deadline, func(at time.Duration, ok bool) {
		if !ok {
			then(false)
			return
		}
		if at <= g.callsUntil && !w.isOff(ruleUndoTime) { // the clock was not where it was taken to be
			p.pending[slices.IndexFunc(p.pending, func(other pendingDeregister) bool { return other.claim == g.claim })].until = p.due(g) + w.ttl
		} else {
			p.pending = slices.DeleteFunc(p.pending, func(other pendingDeregister) bool { return other.claim == g.claim })
		}
		p.deliverPending(deadline, then)
	})
}

// due is when a deregistration is to be made: when no call to register the node can come
// any more.
func (p *process) due(g pendingDeregister) time.Duration {
	if g.callsUntil == 0 || p.w.isOff(ruleUndoTime) {
		return g.from
	}
	return max(g.from, p.local(g.callsUntil))
}

func (p *process) deregister(g pendingDeregister, deadline time.Duration, then func(at time.Duration, ok bool)) {
	p.script([]*claim{g.claim}, deadline, func(s *server, c call) reply {
		return s.deregister(c, g.by)
	}, func(r reply) {
		then(r.now, r.codes != nil)
	})
}
