package balance

import (
	"math/rand/v2"
	"sync/atomic"
)

// RoundRobin is the policy of discovery.RoundRobin, which describes it.
type RoundRobin struct{}

func (RoundRobin) String() string   { return "round robin" }
func (RoundRobin) Tracks() Tracking { return Untracked }
func (RoundRobin) Slow() bool       { return false }

func (RoundRobin) Picker(members []Member) Picker {
	p := &roundRobinPicker{members: newDivisor(len(members))}
	p.next.Store(rand.Uint32())
	return p
}

type roundRobinPicker struct {
	members divisor
	next    atomic.Uint32
}

func (p *roundRobinPicker) Pick(uint64) int {
	return p.members.rest(p.next.Add(1))
}
