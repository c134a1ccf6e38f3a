// Package tally counts what happens to a service, for those who read it now and then.
package tally

import "sync/atomic"

// A Tally is what is rare.
type Tally struct {
	Failed    atomic.Uint64 // calls, by the fault of the node
	Retries   atomic.Uint64
	Denied    atomic.Uint64 // retries, by the budget
	NoNodes   atomic.Uint64 // picks that found no node
	Ejections atomic.Uint64
	Views     atomic.Uint64
}

// Calls counts the calls that begin, from Count on. Several processors count in several
// places, each in a cache line of its own: one for all would cost more than a pick.
type Calls struct {
	counted atomic.Pointer[[places]place] // nil: they are not
}

type place struct {
	n atomic.Uint64
	_ [56]byte
}

// A Place says where to count.
type Place uint32

const places = 8

var next atomic.Uint32

// NewPlace returns the next place. It is best kept by what mostly stays with one processor.
func NewPlace() Place { return Place(next.Add(1) % places) }

// Count has calls counted from now on.
func (c *Calls) Count() {
	if c.counted.Load() == nil {
		c.counted.CompareAndSwap(nil, new([places]place))
	}
}

// Begun counts a call.
func (c *Calls) Begun(at Place) {
	if counted := c.counted.Load(); counted != nil {
		counted[at].n.Add(1)
	}
}

// Total returns how many calls were counted.
func (c *Calls) Total() (n uint64) {
	if counted := c.counted.Load(); counted != nil {
		for i := range counted {
			n += counted[i].n.Load()
		}
	}
	return n
}
