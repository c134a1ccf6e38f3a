package discovery

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sync/atomic"
)

type ring struct{ load float64 }

// Ring picks the same node for the same HashKey as long as that node is not too busy. No node
// serves more than load times its share of the running calls, by weight and rounded up; a
// call above that goes to the next node on the ring that has room. load must be over 1; 1.25
// is usual. Nearer to 1, calls are spread more evenly, and more of them go to another node; a
// pick then looks at about 1/(load-1)² entries, whatever the number of nodes. Without a
// HashKey it starts at a random place.
//
// It counts the calls to the service that this process makes by Ring, of all selections
// together. So the limit of a selection that gets only a part of them is less strict.
//
// Source: Mirrokni, Thorup, Zadimoghaddam, "Consistent hashing with bounded loads", 2016, with
// the table of Maglev as the ring, so that the place of a key is found in one step.
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
	table, members := lookup(members)
	p := &ringPicker{table: table, under: members[0].state.load.ring}
	total := 0.0
	for _, m := range members {
		total += m.weight
	}
	for _, m := range members {
		p.rooms = append(p.rooms, room{m, r.load * m.weight / total})
	}
	return p
}

type ringPicker struct {
	table []uint32 // indices of rooms
	rooms []room
	under *atomic.Int64 // calls to the service under way
}

type room struct {
	m     *member
	share float64 // of the calls under way that it may have
}

// limit is how many calls it may have where so many are under way.
func (r *room) limit(under float64) float64 {
	const rounding = 1e-9 // of floats: 2.0000000000000004 is not to make 3
	return math.Ceil(r.share*under - rounding)
}

// pick counts the call that it picks for, so that no two calls get the same room. At
// any moment somewhere is room for it, since the limits add up to all calls under way,
// of which it is one already. If others take that before it gets there, more calls are
// under way than it knew, and it looks again.
func (p *ringPicker) pick(key uint64) *member {
	if key == 0 {
		key = rand.Uint64()
	}
	n := uint64(len(p.table))
	home := place(key, len(p.table))
	for under := p.under.Add(1); ; under = p.under.Load() {
		for i := range n {
			at := home + i
			if at >= n {
				at -= n
			}
			room := &p.rooms[p.table[at]]
			calls, limit := &room.m.state.load.bounded, room.limit(float64(under))
			for c := calls.Load(); float64(c) < limit; c = calls.Load() {
				if calls.CompareAndSwap(c, c+1) {
					return room.m
				}
			}
		}
	}
}
