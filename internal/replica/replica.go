package replica

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-go/rollcall/internal/record"
)

// An Outcome is what the owner of a replica has to do after an input.
type Outcome int

// The outcomes, in the order of how much they cost.
const (
	Settled     Outcome = iota // nothing: applied, or known already
	Unexplained                // something does not chain: wait a little, then Probe
	Reread                     // take a snapshot
	Missed                     // take a snapshot, on a new subscription: this one has lost events
)

// A Point is one state of a service in its history.
type Point struct {
	Epoch string
	Rev   uint64
	Tag   string
}

// A Node is a member of the service as callers see it.
type Node struct {
	ID     string
	Lease  string       // "" if not known
	Rev    uint64       // of its last registration or change of record
	Record *record.Node // with what an operator set laid over it; nodes may share its maps

	data     string // as it came: a replica keeps this, and reads the record where it is asked for
	override string // that is in force for it
	version  string // of the record
	ttl      time.Duration
	seen     uint64 // mark of the newest evidence that it lives
}

// An Action says what happened to a node.
type Action int

// The actions.
const (
	Create Action = iota
	Update
	Delete
)

// A Change is one difference in what callers see.
type Change struct {
	Action Action
	Node   Node
	Before *Node     // of an Update that moves the node to another version of the service: what it was
	Lapsed bool      // of a Delete: its lease ran out; it was not deregistered
	Point  Point     // the state that it belongs to
	Time   time.Time // Redis's, of the change or of the look that found it
}

// A Replica follows one service. It is driven by one goroutine: every method
// is an input, its outcome says what to do next, and Changes returns what callers
// have to get.
type Replica struct {
	at         Point
	proven     bool              // a snapshot has been taken, and at is Redis's own state
	ring       []mark            // the newest points, in the order in which they were reached
	marks      uint64            // of the newest point
	highest    map[string]uint64 // revision reached, by epoch
	nodes      map[string]*Node  // members of the index at that point that can be shown
	unreadable map[string]bool   // members that cannot be shown: no hash was found, or no record in it
	holds      map[string]hold   // shown, but lost by the registry
	lives      map[string]hold   // members that reported that they are alive, while Redis refuses to renew their leases

	holding uint64  // how often holds or lives has changed
	refusal Refusal // of those in lives, and of those in holds that were there
	refused int     // how many these are

	overrides map[string]string // by node, as they came; keys.AllNodes: of the service
	now       time.Time         // Redis's, by the newest input
	records   record.Decoder
	odd       []arrival // events that do not chain, in the order in which they came
	arrivals  uint64
	wanted    *string          // the tag of a version that no event has brought yet
	recording bool             // a snapshot is under way
	recorded  []record.Event   // what came since it began
	vanished  map[string]*Node // what Missing removed since it began
	changes   []Change

	off rule // rules switched off, by the tests that show what they are for
}

// A mark is a point that was reached.
type mark struct {
	point   Point
	n       uint64
	members int // of the index, there
}

// An arrival is an event that is kept until it chains.
type arrival struct {
	event record.Event
	n     uint64
}

const (
	ringSize = 512  // points known: more than can pass while a version travels
	oddSize  = 1024 // odd events kept: beyond them, a snapshot is cheaper
)

// New returns a replica that knows nothing: its first outcomes ask for a
// snapshot.
func New() *Replica {
	return &Replica{
		nodes: map[string]*Node{}, unreadable: map[string]bool{}, holds: map[string]hold{}, lives: map[string]hold{}, overrides: map[string]string{},
		highest: map[string]uint64{},
	}
}

// At returns the point that the replica has reached. Within an epoch its
// revision never goes back: where an older replica of Redis was promoted, the
// same numbers come again, and At returns the highest until they have passed it.
func (r *Replica) At() Point {
	p := r.at
	if r.off&ruleHighest == 0 {
		p.Rev = max(p.Rev, r.highest[p.Epoch])
	}
	return p
}

// Mark returns a number that only grows, by one with each point reached. Take
// it before a version is asked for, and give it to Probe, Poll or Missing with
// the answer: what is older than the question proves nothing.
func (r *Replica) Mark() uint64 { return r.marks }

// Arrivals counts the events that came. It is taken and given as Mark is.
func (r *Replica) Arrivals() uint64 { return r.arrivals }

// Nodes returns what callers see, in the order of the ids: the members, and
// those that are held.
func (r *Replica) Nodes() []Node {
	shown := make([]Node, 0, len(r.nodes)+len(r.holds))
	for _, n := range r.nodes {
		shown = append(shown, r.read(*n))
	}
	for _, h := range r.holds {
		shown = append(shown, r.read(*h.node))
	}
	slices.SortFunc(shown, func(a, b Node) int { return strings.Compare(a.ID, b.ID) })
	return shown
}

// Held reports whether a node is shown for another reason than its lease: it was
// lost by the registry and may come back, or it reported that it is alive.
func (r *Replica) Held(id string) bool {
	_, held := r.holds[id]
	_, lives := r.lives[id]
	return held || lives
}

// HeldIDs returns the IDs of the nodes that are Held, in order.
func (r *Replica) HeldIDs() []string {
	if len(r.holds)+len(r.lives) == 0 {
		return nil
	}
	ids := slices.AppendSeq(slices.Collect(maps.Keys(r.holds)), maps.Keys(r.lives))
	slices.Sort(ids)
	return slices.Compact(ids)
}

// Holding counts how often a hold has begun or ended: a hold that ends because
// the node is back as it was makes no Change.
func (r *Replica) Holding() uint64 { return r.holding }

// Changes returns the changes since the last call.
func (r *Replica) Changes() []Change {
	c := r.changes
	r.changes = nil
	return c
}

// reach makes p the point that the replica is at.
func (r *Replica) reach(p Point) {
	r.at = p
	if len(r.highest) == ringSize {
		clear(r.highest) // each epoch but one is over
	}
	r.highest[p.Epoch] = max(p.Rev, r.highest[p.Epoch])
	r.marks++
	r.ring = append(r.ring, mark{point: p, n: r.marks})
	if len(r.ring) == 2*ringSize {
		r.ring = append(r.ring[:0:0], r.ring[ringSize:]...)
	}
	if r.wanted != nil && *r.wanted == p.Tag {
		r.wanted = nil
	}
}

// known returns the mark of a tag, if the replica has been there.
func (r *Replica) known(tag string) (mark, bool) {
	for i := len(r.ring) - 1; i >= 0; i-- {
		if r.ring[i].point.Tag == tag {
			return r.ring[i], true
		}
	}
	return mark{}, false
}

// count notes how many members there are at the point that was reached.
func (r *Replica) count() { r.ring[len(r.ring)-1].members = len(r.nodes) + len(r.unreadable) }

// Shows reports whether a member is shown.
func (r *Replica) Shows(id string) bool {
	_, shown := r.nodes[id]
	return shown
}

// Empty reports whether no member is shown.
func (r *Replica) Empty() bool { return len(r.nodes) == 0 }

// Vacant reports whether nothing is shown: no member, and nothing that is held.
func (r *Replica) Vacant() bool { return r.Shown() == 0 }

// Shown returns how many nodes callers see.
func (r *Replica) Shown() int { return len(r.nodes) + len(r.holds) }

// Recall gives a new replica the point that an earlier one had reached: its revisions
// go on from there.
func (r *Replica) Recall(p Point) { r.highest[p.Epoch] = max(p.Rev, r.highest[p.Epoch]) }

// TTL is the longest TTL of what is shown; 0 where there is nothing.
func (r *Replica) TTL() time.Duration {
	var longest time.Duration
	for _, n := range r.nodes {
		longest = max(longest, n.ttl)
	}
	for _, h := range r.holds {
		longest = max(longest, h.node.ttl)
	}
	return longest
}

// TTLOf is the TTL of one member; 0 where it is none.
func (r *Replica) TTLOf(id string) time.Duration {
	if n, member := r.nodes[id]; member {
		return n.ttl
	}
	return 0
}
