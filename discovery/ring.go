package discovery

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sync/atomic"
)

type ring struct{ load float64 }

// Ring picks the same node for the same HashKey as long as that is not too busy: no
// node gets more than load times its share of the calls under way, by weight and
// rounded up; a call that would exceed it goes on along the ring, to the next node that
// has room. load has to be over 1; 1.25 is usual. The nearer it is to 1, the more
// evenly calls are spread, and the more of them stray. The calls are those that this
// process has made by Ring to the service. Without a HashKey it begins anywhere.
//
// Source: Mirrokni, Thorup, Zadimoghaddam, "Consistent hashing with bounded loads",
// 2016, with the entries of Maglev's table for a ring, so that a key finds its place
// in one step.
func Ring(load float64) Balancer { return ring{load} }

func (r ring) String() string { return fmt.Sprintf("ring(%v)", r.load) }
func (ring) pickOption()      {}
func (ring) tracks() tracking { return bounded }
func (r ring) check() error {
	if !(r.load > 1) || math.IsInf(r.load, 1) {
		return invalid("Ring(%v): a finite number over 1 is needed", r.load)
	}
	return nil
}

func (r ring) picker(members []*member) picker {
	p := &ringPicker{}
	total := 0.0
	for _, m := range members {
		total += m.weight
	}
	for _, m := range lookup(members) {
		p.entries = append(p.entries, entry{m, r.load * m.weight / total})
	}
	p.under = members[0].state.load.ring
	return p
}

type ringPicker struct {
	entries []entry
	under   *atomic.Int64 // calls to the service under way
}

type entry struct {
	m     *member
	share float64 // of the calls under way that it may have
}

// pick counts the call that it picks for, so that no two calls get the same room.
func (p *ringPicker) pick(key uint64) *member {
	if key == 0 {
		key = rand.Uint64()
	}
	n := uint64(len(p.entries))
	under := float64(p.under.Add(1))
	for i := range n {
		e := &p.entries[(key+i)%n]
		calls := &e.m.state.load.bounded
		for c := calls.Load(); float64(c) < math.Ceil(e.share*under); c = calls.Load() {
			if calls.CompareAndSwap(c, c+1) {
				return e.m
			}
		}
	}
	// Others have taken the room meanwhile, and have still to count themselves.
	m := p.entries[key%n].m
	m.state.load.bounded.Add(1)
	return m
}
