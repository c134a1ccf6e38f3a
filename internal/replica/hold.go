package replica

import (
	"maps"
	"slices"
	"time"
)

// A hold keeps showing a node that the registry lost: a flush, an empty restart
// or a lagging replica took it, it was not deregistered, and it registers
// again. Or its lease could not be renewed, and it reported that it is alive.
type hold struct {
	node    *Node
	left    time.Duration // of contact, until it is given up
	runs    bool          // its clock does, since the first Pass
	aliveAt time.Time     // Redis's: when the node last reported that it is alive; zero: never
}

// pass counts contact of this length, until now. None from before the hold.
func (h *hold) pass(d time.Duration, now time.Time, off rule) {
	switch {
	case !h.aliveAt.IsZero() && off&ruleLiveSince == 0:
		d = min(d, max(0, now.Sub(h.aliveAt)))
	case h.aliveAt.IsZero() && !h.runs:
		d = 0
	}
	h.left, h.runs = h.left-d, true
}

// lose has a member held, for a full TTL from when it was first missed.
func (r *Replica) lose(n *Node) {
	delete(r.nodes, n.ID)
	r.unlive(n.ID)
	r.holds[n.ID] = hold{node: n, left: n.ttl}
	r.holding++
}

// holdAnew has what is held already held for a full TTL again. The registry has lost history
// once more, and a node may have come back in the part that is lost.
func (r *Replica) holdAnew() {
	if r.off&ruleHoldAnew != 0 {
		return
	}
	for id, h := range r.holds {
		h.left, h.runs = h.node.ttl, false
		r.holds[id] = h
	}
}

// unhold ends a hold, whether the node is back or gone.
func (r *Replica) unhold(id string) {
	if !r.holds[id].aliveAt.IsZero() {
		r.renews()
	}
	delete(r.holds, id)
	r.holding++
}

// Pass takes the time for which Redis has answered without a break. Holds end
// by it, and by nothing else: their clock stops while Redis is away. The first Pass covers
// time before the hold, and starts the clock.
//
// It comes after a poll that settled or a snapshot that counted. While an event is unexplained, a node
// that is held may be back, and only its event was lost.
func (r *Replica) Pass(d time.Duration, now time.Time) {
	for _, id := range slices.Sorted(maps.Keys(r.holds)) {
		h := r.holds[id]
		h.pass(d, now, r.off)
		r.holds[id] = h
		if h.left <= 0 {
			r.release(id, now)
			r.changes[len(r.changes)-1].Lapsed = true // it was not deregistered
		}
	}
	for id, h := range r.lives {
		h.pass(d, now, r.off)
		r.lives[id] = h
		if h.left <= 0 {
			r.unlive(id)
		}
	}
}

// release ends a hold: the node is gone.
func (r *Replica) release(id string, at time.Time) {
	h := r.holds[id]
	r.unhold(id)
	r.addChange(Delete, *h.node, at)
}
