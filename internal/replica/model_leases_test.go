package replica

import (
	"time"

	"github.com/rollcall-go/rollcall/internal/record"
)

// A guess says how the lease of a claim was chosen.
type guess struct {
	fixed   time.Duration // when the lease was chosen
	guessed bool          // by an estimate of Redis's clock, without a lookup of the holder
}

// choose gives a claim a lease.
func (c *claim) choose(start int64, guessed bool) {
	w := c.process.w
	c.lease = record.Lease{Start: start, Nonce: w.nonce()}.String()
	c.guess, c.callsUntil = guess{w.now, guessed}, 0
	w.claims[c.lease] = c
}

// guessLeases fixes the leases by an estimate of Redis's clock that other answers gave, and
// registers. The estimate is behind by a little, or by a lot where the clock was set since
// those. It is ahead where another master has taken over, whose clock is not far, and far
// ahead where the clock was set back in the last minute.
func (p *process) guessLeases() {
	w := p.w
	off := w.between(-3*time.Millisecond, 0)
	switch {
	case w.chance(w.plan.ahead) || w.oracle.stepped > 0 && w.now-w.oracle.stepped < GuessWithin && w.chance(0.5):
		off = w.between(0, 2*w.ttl)
	case w.chance(0.5):
		off = w.between(-2*w.ttl, maxAhead)
	}
	p.ahead = w.master.clock() - w.now + off
	for _, c := range p.claims {
		c.choose(p.redis(w.now).Microseconds(), true)
	}
	p.register(p.claims, w.now+p.interval/3, p.settle)
	p.scheduleReap(0)
}

// isAhead is what register refuses of a guess: a lease that starts after the time by Redis's
// clock, and does not have the node.
func (s *server) isAhead(h *hash, t touch) bool {
	l, _ := record.ParseLease(t.lease)
	return t.guess && (h == nil || h.lease != t.lease) && l.Start > s.clock().Microseconds() && !s.w.isOff(ruleAhead)
}

// chooseAnew gives newer leases to the claims of a reply whose guesses were refused, as a
// registrar does, and makes their codes 0. It checks that no claim is superseded by an older
// one.
func (p *process) chooseAnew(claims []*claim, r reply) (anew bool) {
	w := p.w
	for i, c := range claims {
		if r.codes == nil || r.codes[i] != -1 {
			continue
		}
		if c.lease != r.nodes[i].lease { // an answer to another call has chosen anew
			r.codes[i], anew = 0, true
			continue
		}
		guess, _ := record.ParseLease(c.lease)
		holder, _ := record.ParseLease(r.holders[i])
		start, ok := StartAnew(guess, holder, redis(p.redis(c.guess.fixed)), redis(r.now))
		if ok && c.guess.guessed && !c.Confirmed && !w.isOff(ruleAnew) {
			c.choose(start, false)
			r.codes[i], anew = 0, true
			continue
		}
		other := w.claims[r.holders[i]]
		if w.oracle.faults == 0 && other.guess.fixed+maxAhead < c.guess.fixed {
			w.fail(lastWins, "%s is superseded by %s, which began %v earlier", c.lease, r.holders[i], c.guess.fixed-other.guess.fixed)
		}
	}
	return anew
}
