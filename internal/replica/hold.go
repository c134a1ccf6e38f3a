package replica

import (
	"maps"
	"slices"
	"time"
)

// A hold keeps showing a node that the registry lost: a flush, an empty restart
// or a lagging replica took it, nobody said that it is gone, and it registers
// again.
type hold struct {
	node Node
	left time.Duration // of contact, until it is given up
	runs bool          // its clock does, since the first Pass
}

// lose has a member held, for a full TTL from when it was first missed.
func (r *Replica) lose(n Node) {
	delete(r.nodes, n.ID)
	r.holds[n.ID] = hold{node: n, left: n.Record.TTL}
	r.holding++
}

// unhold ends a hold, whatever comes of the node.
func (r *Replica) unhold(id string) {
	delete(r.holds, id)
	r.holding++
}

// Pass tells that Redis has answered without a break for this long. Holds end
// by it, and by nothing else: their clock stops while Redis is away, and no
// further loss moves their end. The first Pass tells of time before the hold, and
// starts the clock.
//
// It comes after a poll that settled or a snapshot that counted. In doubt, a node
// that is held may be back, and only its event was lost.
func (r *Replica) Pass(d time.Duration, now time.Time) {
	for _, id := range slices.Sorted(maps.Keys(r.holds)) {
		h := r.holds[id]
		if h.runs {
			h.left -= d
		}
		h.runs = true
		r.holds[id] = h
		if h.left <= 0 {
			r.release(id, now)
		}
	}
}

// release ends a hold: the node is gone.
func (r *Replica) release(id string, at time.Time) {
	h := r.holds[id]
	r.unhold(id)
	r.tell(Delete, h.node, at)
}
