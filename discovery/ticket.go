package discovery

import (
	"sync"
	"sync/atomic"
	"time"
)

// A ticket belongs to one call at a time, from its Pick to its first Done, and holds what
// is noted of it. Its number goes up with each end: a copy of a Picked that comes again,
// or late, does not have the number any more. Tickets are used again, so that a call
// allocates nothing. One whose call never ends is left to the garbage collector.
type ticket struct {
	number atomic.Uint64
	notes
}

type notes struct {
	s       *service
	began   time.Duration // by now; where it is timed
	tracked tracking
	probe   bool // of an ejected node
}

var tickets = sync.Pool{New: func() any { return new(ticket) }}

// end ends the call that the ticket belongs to under a number, and returns what was noted
// of it. It is false if that call has ended before.
func (t *ticket) end(number uint64) (n notes, first bool) {
	if !t.number.CompareAndSwap(number, number+1) {
		return n, false
	}
	n = t.notes
	tickets.Put(t)
	return n, true
}
