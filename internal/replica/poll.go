package replica

import (
	"slices"
	"time"
)

// Probe takes a version that was read from Redis, with Mark and Arrivals as they
// were when it was asked for. A version that the replica has been at since then
// settles every odd event that came before: what did not chain belongs to no history
// that goes on.
func (r *Replica) Probe(p Point, mark, arrivals uint64) Outcome {
	if !r.proven {
		return Reread
	}
	m, been := r.known(p.Tag)
	switch {
	case p.Tag == "" && p != r.at:
		return Reread // the history is gone, and no event can have shown it
	case been && m.n >= mark:
		r.wanted = nil
		r.forget(arrivals)
		return r.outcome()
	case been && r.off&ruleBack == 0:
		return Missed // Redis has gone back: an older replica was promoted
	case been:
		return r.outcome()
	case r.at.Tag == "" && r.off&ruleFirst == 0:
		return Reread // no event leads on from no version
	case r.at.Tag != "" && r.begun(p.Epoch) && r.off&ruleBegun == 0:
		return Reread // nor from one history to the next, and none was lost
	case r.wanted != nil:
		return Missed // it was there a while ago, and no event has brought it
	default:
		r.wanted = &p.Tag // the events may be on their way
		return Unexplained
	}
}

// begun reports whether an odd event begins a history.
func (r *Replica) begun(epoch string) bool {
	return slices.ContainsFunc(r.odd, func(a arrival) bool { return a.event.Prev == "" && a.event.Epoch == epoch })
}

// forget drops odd events up to an arrival.
func (r *Replica) forget(arrivals uint64) {
	kept := r.odd[:0]
	for _, a := range r.odd {
		if a.n > arrivals {
			kept = append(kept, a)
		}
	}
	r.odd = kept
}

// Poll takes a version as Probe does, and the number of members that the index
// had at it.
func (r *Replica) Poll(p Point, members int, mark, arrivals uint64) Outcome {
	v := r.Probe(p, mark, arrivals)
	m, been := r.known(p.Tag)
	switch {
	case v > Unexplained || !been || m.n < mark:
	case members != m.members && r.off&ruleCount == 0:
		return Reread // the index was changed by no script of ours: evicted, or written by hand
	case p == (Point{}) && members > 0 && r.off&ruleBlank == 0:
		return Reread // the version was evicted, and may have been so twice: it proves nothing
	}
	return v
}

// Missing takes the nodes whose leases have ended by the index and whose hashes
// Redis no longer had, with the Mark as it was when it was asked. It removes
// those of which nothing newer is known. There may be no registry left that reaps them.
//
// The caller gives it only what was found after half a TTL and a second of
// unbroken contact.
func (r *Replica) Missing(ids []string, mark uint64, now time.Time) {
	for _, id := range ids {
		n, member := r.nodes[id]
		if !member || n.seen > mark && r.off&ruleEvidence == 0 {
			continue
		}
		r.drop(id, true, now)
		r.unreadable[id] = true // the index has it still
		if r.recording {
			r.vanished[id] = n
		}
	}
}
