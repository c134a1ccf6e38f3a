package balance

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sync/atomic"
)

// Ring is the policy of discovery.Ring, which describes it.
type Ring struct{ Bound float64 }

func (r Ring) String() string { return fmt.Sprintf("ring(%v)", r.Bound) }
func (Ring) Tracks() Tracking { return Bounded }
func (Ring) Slow() bool       { return true }
func (r Ring) Picker(members []Member) Picker {
	p := &ringPicker{table: lookup(members), under: members[0].Load.ring}
	total := 0.0
	for _, m := range members {
		total += m.Weight
	}
	for _, m := range members {
		p.rooms = append(p.rooms, room{&m.Load.bounded, r.Bound * m.Weight / total})
	}
	return p
}

type ringPicker struct {
	table []uint32 // indices of rooms
	rooms []room
	under *atomic.Int64 // calls to the service under way
}

type room struct {
	calls *atomic.Int64 // that it has
	share float64       // of the calls under way that it may have
}

// limit returns how many calls it may have if so many are under way.
func (r *room) limit(under float64) float64 {
	const rounding = 1e-9 // of floats: 2.0000000000000004 is not to make 3
	return math.Ceil(r.share*under - rounding)
}

// Pick counts the call that it picks for, so that no two calls get the same room. At
// any moment somewhere is room for it, since the limits add up to all calls under way,
// of which it is one already. If others take that before it gets there, more calls are
// under way than it knew, and it looks again.
func (p *ringPicker) Pick(key uint64) int {
	if key == 0 {
		key = rand.Uint64()
	}
	n := uint64(len(p.table))
	home := place(key, len(p.table))
	for under := p.under.Add(1); ; under = p.under.Load() {
		for step := range n {
			at := home + step
			if at >= n {
				at -= n
			}
			i := int(p.table[at])
			room := &p.rooms[i]
			limit := room.limit(float64(under))
			for c := room.calls.Load(); float64(c) < limit; c = room.calls.Load() {
				if room.calls.CompareAndSwap(c, c+1) {
					return i
				}
			}
		}
	}
}
