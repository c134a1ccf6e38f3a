package discovery

import (
	"math/rand/v2"
	"sync/atomic"
)

type roundRobin struct{}

// RoundRobin picks the nodes one after the other, whatever their weight. It begins
// anywhere, so that many processes do not begin with the same node, and so it does again
// when nodes or their weights change. It costs the same for any number of nodes.
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
