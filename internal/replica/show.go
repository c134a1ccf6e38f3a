package replica

import (
	"maps"
	"time"

	"github.com/rollcall-go/rollcall/internal/record"
)

// put makes a node a member with this record, whatever it was before.
func (r *Replica) put(id, lease, data string, rev uint64, at time.Time) {
	before, shown := r.nodes[id]
	if h, held := r.holds[id]; held {
		before, shown = h.node, true
		r.unhold(id)
	}
	n, err := before, error(nil)
	if !shown || before.data != data || before.override != r.overrides[id] {
		n, err = compose(id, lease, data, r.overrides[id])
	}
	if err != nil { // a record that we cannot read: of a later version, perhaps
		delete(r.nodes, id)
		r.unlive(id)
		r.unreadable[id] = true
		if shown {
			r.addChange(Delete, before, at)
		}
		return
	}
	if n.Lease != lease || n.Rev != rev || r.off&ruleLiveRead != 0 {
		r.unlive(id)
	}
	n.Lease, n.Rev, n.seen = lease, rev, r.marks
	for _, other := range r.nodes { // what all share is kept once
		if maps.Equal(other.Record.ServiceMetadata, n.Record.ServiceMetadata) {
			n.Record.ServiceMetadata = other.Record.ServiceMetadata
		}
		break
	}
	delete(r.unreadable, id)
	r.nodes[id] = n
	switch {
	case !shown:
		r.addChange(Create, n, at)
	case n.data != before.data || n.override != before.override:
		r.change(before, n, at)
	}
}

// set lays an operator's override over a node, or takes it off.
func (r *Replica) set(id, override string, at time.Time) {
	r.overrides[id] = override
	if override == "" {
		delete(r.overrides, id)
	}
	before, member := r.nodes[id]
	h, held := r.holds[id]
	if held {
		before = h.node
	}
	if !member && !held || before.override == override {
		return
	}
	n, err := compose(id, before.Lease, before.data, override)
	if err != nil { // an override that we cannot read changes nothing
		return
	}
	n.seen, n.Rev = before.seen, before.Rev
	if held {
		h.node = n
		r.holds[id] = h
	} else {
		r.nodes[id] = n
	}
	r.change(before, n, at)
}

// drop removes a member, which left by itself or whose lease has run out. In the
// latter case one that reported that it is alive is held.
func (r *Replica) drop(id string, lapsed bool, at time.Time) {
	if n, member := r.nodes[id]; member {
		delete(r.nodes, id)
		if h, lives := r.lives[id]; lives && lapsed && r.off&ruleLive == 0 {
			h.node = n
			delete(r.lives, id)
			r.holds[id] = h
			return
		}
		r.unlive(id)
		r.addChange(Delete, n, at)
		r.changes[len(r.changes)-1].Lapsed = lapsed
	}
}

func (r *Replica) change(before, n Node, at time.Time) {
	r.addChange(Update, n, at)
	r.changes[len(r.changes)-1].Before = before
}

func (r *Replica) addChange(a Action, n Node, at time.Time) {
	r.changes = append(r.changes, Change{Action: a, Node: n, Point: r.At(), Time: at})
}

// compose reads a record and lays an override over it. An override that cannot
// be read is left off: the node's own values are used.
func compose(id, lease, data, override string) (Node, error) {
	n := Node{ID: id, Lease: lease, data: data, override: override}
	var err error
	if n.Record, err = record.DecodeNode(data); err != nil {
		return n, err
	}
	if override != "" {
		if o, err := record.DecodeOverride([]byte(override)); err == nil {
			n.Record = o.Apply(n.Record)
		}
	}
	return n, nil
}
