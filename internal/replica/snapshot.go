package replica

import (
	"time"

	"github.com/rollcall-go/rollcall/internal/record"
)

// A Snapshot is what was read of a service between two looks at its version.
type Snapshot struct {
	Before  Point
	Log     []record.LogEntry // newest first, read with Before
	Members []Member          // of the index
	After   Point
	Now     time.Time // Redis's
}

// A Member is a node of the index, as its hash and the override say.
type Member struct {
	ID       string
	Lease    string
	Rev      uint64 // as the hash says
	Data     string // "" where there is no hash, or a tombstone
	Override string
}

// Begin starts to record events for a snapshot. It comes after the subscription
// was acknowledged and before the first look at the version.
func (r *Replica) Begin() {
	r.recording, r.recorded = true, nil
}

// Abandon ends recording without a snapshot.
func (r *Replica) Abandon() {
	r.recording, r.recorded = false, nil
}

// Snapshot takes what was read since Begin. It counts only if the events that
// came in between lead from its first version to its second; if not, the verdict
// is Reread. Then the replica is at the second, or beyond where events lead on.
//
// What is not there any more is gone only if the log says so. Anything else was
// lost by the registry, and is held.
func (r *Replica) Snapshot(s Snapshot) Verdict {
	passed, ok := r.path(s.Before.Tag, s.After.Tag)
	recorded := r.recorded
	r.Abandon()
	if !ok {
		return Reread
	}
	log := s.Log
	state := map[string]Member{}
	for _, m := range s.Members {
		state[m.ID] = m
	}
	for _, e := range passed {
		log = append([]record.LogEntry{{Tag: e.Tag, Kind: e.Kind, Lease: e.Lease, ID: e.ID}}, log...)
		m := state[e.ID]
		switch e.Kind {
		case record.Put:
			state[e.ID] = Member{ID: e.ID, Lease: e.Lease, Rev: e.Rev, Data: string(e.Payload), Override: m.Override}
		case record.Set:
			m.ID, m.Override = e.ID, string(e.Payload)
			if m.Data != "" {
				state[e.ID] = m
			}
		case record.Del, record.Exp:
			delete(state, e.ID)
		}
	}
	r.adopt(s, state, log)
	for _, e := range recorded {
		if _, been := r.known(e.Tag); !been {
			r.odd = append(r.odd, arrival{e, r.arrivals})
		}
	}
	r.chain()
	return r.verdict()
}

// path finds the recorded events that lead from one tag to another.
func (r *Replica) path(from, to string) ([]record.Event, bool) {
	var passed []record.Event
	for at := from; at != to; {
		next := -1
		for i, e := range r.recorded {
			if e.Prev == at && e.Prev != "" {
				next = i
			}
		}
		if next < 0 || len(passed) > len(r.recorded) {
			return nil, false
		}
		passed = append(passed, r.recorded[next])
		at = r.recorded[next].Tag
	}
	return passed, true
}

// adopt makes state the replica's own, and works out the differences.
func (r *Replica) adopt(s Snapshot, state map[string]Member, log []record.LogEntry) {
	since, sameHistory := after(log, r.at.Tag)
	r.proven, r.wanted, r.odd = true, nil, nil
	if r.at != s.After || len(r.ring) == 0 {
		r.reach(s.After)
	}
	r.ghosts, r.overrides = map[string]bool{}, map[string]string{}
	for id, m := range state {
		if m.Override != "" {
			r.overrides[id] = m.Override
		}
		_, shown := r.nodes[id]
		switch {
		case m.Data != "":
			r.put(id, m.Lease, m.Data, m.Rev, s.Now)
		case !shown:
			r.ghosts[id] = true
		}
	}
	for id, n := range r.nodes {
		if _, there := state[id]; there {
			continue
		}
		delete(r.nodes, id)
		if sameHistory && ended(since, id, n.Lease, false) || r.off&ruleHold != 0 {
			r.tell(Delete, n, s.Now)
		} else {
			r.hold(n)
		}
	}
	for id, h := range r.holds {
		if sameHistory && ended(since, id, h.node.Lease, true) {
			r.release(id, s.Now)
		}
	}
}

// after returns the entries of a log that came after a tag, newest first, and
// whether the log reaches back to it.
func after(log []record.LogEntry, tag string) ([]record.LogEntry, bool) {
	for i, e := range log {
		if e.Tag == tag {
			return log[:i], true
		}
	}
	return nil, false
}

// ended tells whether a log says that a node of this lease is gone: its last
// word on it is a goodbye or an end, of a lease that is not older. An end that
// tells no lease counts for a member, not for a node that is held.
func ended(log []record.LogEntry, id, lease string, held bool) bool {
	for _, e := range log {
		if e.ID != id || e.Kind == record.Set {
			continue
		}
		if e.Lease == "" {
			return e.Kind == record.Exp && !held
		}
		return (e.Kind == record.Del || e.Kind == record.Exp) && !newer(lease, e.Lease)
	}
	return false
}
