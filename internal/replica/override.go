package replica

import (
	"maps"
	"slices"
	"time"

	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/record"
)

// set takes what operators set on a node, or on all nodes of the service.
func (r *Replica) set(id, override string, at time.Time) {
	r.overrides[id] = override
	if override == "" {
		delete(r.overrides, id)
	}
	if id == keys.AllNodes {
		r.layAll(at)
	} else {
		r.lay(id, at)
	}
}

// Tick takes Redis's time. An override may have ended by then.
func (r *Replica) Tick(now time.Time) {
	r.advance(now)
	if r.timed() {
		r.layAll(now)
	}
}

// advance takes Redis's time from an input. Answers and events overtake each other: a time
// that is a little earlier than the newest one brings no ended override back. Only a clock
// that was set back does.
func (r *Replica) advance(now time.Time) {
	if now.After(r.now) || r.now.Sub(now) > maxStep {
		r.now = now
	}
}

// timed reports whether anything that operators set has an end.
func (r *Replica) timed() bool {
	for _, override := range r.overrides {
		if !record.NextEnd(override, time.Time{}).IsZero() {
			return true
		}
	}
	return false
}

// OverrideEnd returns the next end of an override; zero where none has an end.
func (r *Replica) OverrideEnd() (next time.Time) {
	for _, override := range r.overrides {
		if end := record.NextEnd(override, r.now); next.IsZero() || !end.IsZero() && end.Before(next) {
			next = end
		}
	}
	return next
}

// layAll lays over each node what is in force now.
func (r *Replica) layAll(at time.Time) {
	ids := slices.AppendSeq(slices.Collect(maps.Keys(r.nodes)), maps.Keys(r.holds))
	slices.Sort(ids)
	for _, id := range ids {
		r.lay(id, at)
	}
}

// lay lays over a node what is in force now.
func (r *Replica) lay(id string, at time.Time) {
	n, member := r.nodes[id]
	if h, held := r.holds[id]; held {
		n = h.node
	} else if !member {
		return
	}
	override := r.laid(id, n.Lease)
	if override == n.override {
		return
	}
	was := *n
	n.override = override
	r.update(was, r.read(*n), at)
}

// laid returns what is in force for a node of this lease: what is set on all nodes, and then
// what is set on this one.
func (r *Replica) laid(id, lease string) string {
	if len(r.overrides) == 0 {
		return ""
	}
	return record.Laid(r.overrides[keys.AllNodes], r.overrides[id], lease, r.now)
}
