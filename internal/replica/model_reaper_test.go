package replica

import "time"

// since is a time of the processes' clock, as the world counts it.
func since(local time.Time) time.Duration { return time.Duration(local.UnixNano()) }

// sawLeaseEnd takes the lease end in an answer, and checks the index when it has come:
// spread, so that one reaper does the work and the others find it done.
func (p *process) sawLeaseEnd(next int64) {
	if next != p.next {
		p.next = next
		p.scheduleReap(0)
	}
}

// scheduleReap schedules the next reap: not before a time of ours, and in
// time to keep in contact.
func (p *process) scheduleReap(from time.Duration) {
	w := p.w
	at := since(p.clock.Last()) + w.ttl/3
	if p.next > 0 {
		at = min(at, since(p.clock.Local(time.UnixMilli(p.next))))
	}
	p.reaps++
	mine := p.reaps
	d := max(at, from, w.now) - w.now + w.between(50*time.Millisecond, 700*time.Millisecond)
	p.later(d, func() {
		if mine == p.reaps {
			p.reap()
		}
	})
}

// reap lists the nodes whose leases have ended, and has Redis remove those that
// are gone.
func (p *process) reap() {
	type answer struct {
		ends  []end
		clock time.Duration
	}
	w, sent := p.w, p.w.now
	p.reaps++
	ask(&p.host, limit, func(s *server) answer { return answer{s.ends(), s.clock()} },
		func(a answer, from *server, ok bool) {
			if !ok {
				p.clock.Failed()
				p.scheduleReap(w.now + w.ttl/3)
				return
			}
			p.clock.Answered(w.answer(sent, a.clock, from), w.ttl/2)
			var overdue []touch
			p.next = 0
			if len(a.ends) > 0 {
				p.next = a.ends[0].at
			}
			for _, e := range a.ends {
				if e.at <= a.clock.Milliseconds() {
					overdue = append(overdue, touch{id: e.id})
				}
			}
			proven := since(p.clock.ProvenFrom(w.ttl))
			switch {
			case len(overdue) == 0:
				p.scheduleReap(0)
			case w.now < proven && !w.isOff(ruleReaperGrace):
				p.scheduleReap(proven)
			default:
				p.remove(overdue, a.clock+time.Second)
			}
		})
}

// remove calls the script. A second after the answer that it is based on, it does
// nothing.
func (p *process) remove(overdue []touch, deadline time.Duration) {
	w, sent := p.w, p.w.now
	c := call{deadline: deadline, nonce: w.nonce(), nodes: overdue}
	if w.chance(w.plan.lateReaps) {
		w.after(w.between(0, 30*time.Second), func() {
			s := w.master
			s.exec(func() { s.reap(c) })
		})
	}
	ask(&p.host, limit, func(s *server) reply { return s.reap(c) }, func(r reply, from *server, ok bool) {
		switch {
		case ok && r.refused:
			p.clock.Failed()
		case ok:
			p.clock.Answered(w.answer(sent, r.now, from), w.ttl/2)
		}
		if ok && !r.failed {
			p.next = r.next
		}
		p.scheduleReap(0)
	})
}
