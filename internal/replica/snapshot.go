package replica

import (
	"maps"
	"slices"
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

	// Overrides are those of all nodes, and of nodes that the index does not list, by node:
	// they wait for the node to come back. A member's own is with it.
	Overrides map[string]string
}

// A Member is a node of the index, as its hash and the override say.
type Member struct {
	ID       string
	Lease    string
	Rev      uint64 // as the hash says
	Data     string // "" where there is no hash, or a tombstone
	Override string

	record *record.Node // of Data; nil: it is read when it is needed
}

// Read reads the records of members that a replica does not know yet, in the goroutine that
// takes a snapshot: the replica then has less to do.
func Read(members []Member, d *record.Decoder) {
	for i := range members {
		if n, err := d.Node(members[i].Data); err == nil {
			members[i].record = &n
		}
	}
}

// Begin starts to record events for a snapshot. It comes after the subscription
// was acknowledged and before the first look at the version.
func (r *Replica) Begin() {
	r.recording, r.recorded, r.vanished = true, nil, map[string]*Node{}
}

// Abandon ends recording without a snapshot.
func (r *Replica) Abandon() {
	r.recording, r.recorded, r.vanished = false, nil, nil
}

// Snapshot takes what was read since Begin. It counts only if the events that
// came in between lead from its first version to its second; if not, the outcome
// is Reread. Then the replica is at the second, or beyond where events lead on.
//
// What is not there any more is gone only if the log says so. Anything else was
// lost by the registry, and is held.
func (r *Replica) Snapshot(s Snapshot) Outcome {
	passed, through := r.path(s.Before.Tag, s.After.Tag)
	defer r.Abandon()
	if !through {
		return Reread
	}
	r.adopt(s.scene(passed), s.Now)
	covered := map[string]bool{}
	for _, e := range passed {
		covered[e.Tag] = true
	}
	for _, e := range r.recorded {
		if _, been := r.known(e.Tag); !been && !covered[e.Tag] {
			r.odd = append(r.odd, arrival{e, r.arrivals})
		}
	}
	r.chain()
	return r.outcome()
}

// path finds the recorded events that lead on from one tag, as far as they go,
// and reports whether they pass through another.
func (r *Replica) path(from, to string) (passed []record.Event, through bool) {
	next := map[string]record.Event{}
	for _, e := range r.recorded {
		if e.Prev != "" {
			next[e.Prev] = e
		}
	}
	for at := from; ; {
		through = through || at == to
		e, more := next[at]
		if !more || len(passed) == len(next) {
			return passed, through
		}
		passed, at = append(passed, e), e.Tag
	}
}

// A scene is a service at one point, and the log that led there, newest first.
type scene struct {
	at        Point
	members   map[string]*Member
	overrides map[string]string
	log       []record.LogEntry
}

// scene is what a snapshot saw, after the events that lead on from its first
// version. What it read may be of any time since then: the events set it right.
func (s Snapshot) scene(passed []record.Event) scene {
	c := scene{s.After, make(map[string]*Member, len(s.Members)), map[string]string{}, nil}
	maps.Copy(c.overrides, s.Overrides)
	for i := range s.Members {
		m := &s.Members[i]
		c.members[m.ID] = m
		if m.Override != "" {
			c.overrides[m.ID] = m.Override
		}
	}
	for _, e := range passed {
		c.at = Point{e.Epoch, e.Rev, e.Tag}
		c.log = append(c.log, record.LogEntry{Tag: e.Tag, Kind: e.Kind, Lease: e.Lease, ID: e.ID})
		switch e.Kind {
		case record.Put:
			c.members[e.ID] = &Member{ID: e.ID, Lease: e.Lease, Rev: e.Rev, Data: string(e.Payload)}
		case record.Set:
			c.overrides[e.ID] = string(e.Payload)
		case record.Del, record.Exp:
			delete(c.members, e.ID)
		}
	}
	maps.DeleteFunc(c.overrides, func(_, o string) bool { return o == "" })
	slices.Reverse(c.log)
	c.log = append(c.log, s.Log...)
	return c
}

// adopt makes a scene the replica's own, and works out the differences.
func (r *Replica) adopt(c scene, now time.Time) {
	since := after(c.log, r.at.Tag)
	sameEpoch := r.at.Epoch == c.at.Epoch
	forked := since == nil && uint64(len(c.log)) > c.at.Rev-r.at.Rev // the log reaches back to our revision, and has another tag there
	if r.at.Tag != "" && (!sameEpoch || c.at.Rev < r.at.Rev || forked) {
		r.holdAnew()
	}
	r.proven, r.wanted, r.odd = true, nil, nil
	if r.at != c.at || len(r.ring) == 0 {
		r.reach(c.at)
	}
	r.overrides, r.unreadable = c.overrides, map[string]bool{}
	r.advance(now)
	if len(r.nodes) == 0 {
		r.nodes, r.changes = make(map[string]*Node, len(c.members)), slices.Grow(r.changes, len(c.members))
	}
	for _, id := range slices.Sorted(maps.Keys(c.members)) {
		m := c.members[id]
		// Its page may be older than the events of the node since. A
		// hash that was gone comes back with a later rev.
		again := func(n *Node) bool { return n != nil && sameEpoch && n.Lease == m.Lease && n.Rev == m.Rev }
		switch {
		case m.Data != "" && !again(r.vanished[id]):
			seen, before := r.marks, r.nodes[id]
			if again(before) {
				seen = before.seen
			}
			r.put(m, now)
			if n, member := r.nodes[id]; member {
				n.seen = seen
			}
		case r.Shows(id):
			r.lay(id, now)
		default:
			r.unreadable[id] = true
		}
	}
	var missing []string
	for id := range r.nodes {
		if _, there := c.members[id]; !there {
			missing = append(missing, id)
		}
	}
	slices.Sort(missing)
	for _, id := range missing {
		n := r.nodes[id]
		if left, lapsed := ended(since, id, n.Lease, false); left || r.off&ruleHold != 0 {
			r.drop(id, lapsed, now)
		} else {
			r.lose(n)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(r.holds)) {
		h := r.holds[id]
		left, lapsed := ended(since, id, h.node.Lease, true)
		if left && (!lapsed || h.aliveAt.IsZero()) { // one that reported that it is alive outlasts its lease
			r.release(id, now)
		} else {
			r.lay(id, now)
		}
	}
	r.count()
}

// after returns the entries of a log that came after a tag, newest first: nil if the log
// does not have the tag.
func after(log []record.LogEntry, tag string) []record.LogEntry {
	for i, e := range log {
		if e.Tag == tag {
			return log[:i]
		}
	}
	return nil
}

// ended returns whether a log says that a node of this lease has left: its newest entry
// of the node is del or exp, of a lease that is not older. An exp without a lease counts
// for a member, not for a node that is held. lapsed is true for exp.
func ended(log []record.LogEntry, id, lease string, held bool) (left, lapsed bool) {
	for _, e := range log {
		if e.ID != id || e.Kind == record.Set {
			continue
		}
		if e.Lease == "" {
			left = e.Kind == record.Exp && !held
		} else {
			left = (e.Kind == record.Del || e.Kind == record.Exp) && !newer(lease, e.Lease)
		}
		return left, left && e.Kind == record.Exp
	}
	return false, false
}
