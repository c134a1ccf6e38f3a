package views

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/rollcall-go/rollcall/internal/balance"
	"github.com/rollcall-go/rollcall/internal/tally"
)

// A Call is one call to a member, from Begin to its first Done. Copies are the same call.
// The zero value is no call.
type Call struct {
	Member *Member
	t      *ticket
	number uint64 // of the ticket, while it belongs to this call
}

// A ticket belongs to one call at a time and holds what is noted of it. Its number goes up
// when the call ends: a copy of the Call that comes again, or late, does not have the number
// any more. Tickets are used again, so that a call allocates nothing. The ticket of a call
// that never ends is left to the garbage collector.
type ticket struct {
	number atomic.Uint64
	place  tally.Place
	notes
}

type notes struct {
	s       *Service
	began   time.Duration // what Load.Begin returned
	tracked balance.Tracking
	probe   bool // of an ejected node
}

var tickets = sync.Pool{New: func() any { return &ticket{place: tally.NewPlace()} }}

// Begin begins a call to a member that a Picker has picked, whose policy tracks this.
func (s *Service) Begin(m *Member, tracked balance.Tracking) Call {
	t := tickets.Get().(*ticket)
	t.notes = notes{s: s, tracked: tracked}
	s.begun.Begun(t.place)
	if tracked == balance.Timed {
		t.began = m.state.load.Begin(uint32(s.hub.tick.Load()))
	}
	return Call{m, t, t.number.Load()}
}

// BeginDirect begins a call to a member that no Picker has picked.
func (s *Service) BeginDirect(m *Member, tracked balance.Tracking) Call {
	if tracked == balance.Bounded { // which counts in its picks
		tracked = balance.Untracked
	}
	return s.Begin(m, tracked)
}

// Done takes the end of a call, and the error that it failed with. Only the first Done
// counts.
func (c Call) Done(r balance.Result, err error) {
	if !c.t.number.CompareAndSwap(c.number, c.number+1) {
		return
	}
	n := c.t.notes
	tickets.Put(c.t)
	if n.tracked != balance.Untracked {
		c.Member.state.load.Done(n.tracked, n.began, r)
	}
	if r != balance.OK || !c.Member.answers(n.s) {
		n.s.count(c.Member, n.probe, r, err)
	}
}

// Answers notes that the node answers while the call goes on: a probe must not last as long
// as a stream may.
func (c Call) Answers() {
	if !c.Member.answers(c.t.s) {
		c.t.s.count(c.Member, c.t.probe, balance.OK, nil)
	}
	c.t.probe = false
}

// Probe says whether the call probes an ejected node.
func (c Call) Probe() bool { return c.t.probe }
