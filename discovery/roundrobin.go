package discovery

import (
	"math/rand/v2"
	"sync/atomic"
)

type roundRobin struct{}

// RoundRobin picks the nodes one after the other, whatever their weights. It starts at a
// random node, and again when nodes or weights change, so that processes do not all start
// with the same one. It takes the same time for any number of nodes.
func RoundRobin() Balancer { return roundRobin{} }

func (roundRobin) String() string   { return "round robin" }
func (roundRobin) pickOption()      {}
func (roundRobin) tracks() tracking { return untracked }

func (roundRobin) picker(members []*member) picker {
	p := &roundRobinPicker{members: members}
	p.next.Store(rand.Uint32())
	return p
}

type roundRobinPicker struct {
	members []*member
	next    atomic.Uint32
}

func (p *roundRobinPicker) pick(uint64) *member {
	return p.members[p.next.Add(1)%uint32(len(p.members))]
}
