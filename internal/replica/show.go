package replica

import (
	"time"

	"github.com/rollcall-go/rollcall/internal/record"
)

// put makes a node a member with this record, whatever it was before.
func (r *Replica) put(m *Member, at time.Time) {
	id, override := m.ID, r.laid(m.ID, m.Lease)
	before := r.nodes[id]
	if h, held := r.holds[id]; held {
		before = h.node
		r.unhold(id)
	}
	delete(r.unreadable, id)
	if before != nil && before.data == m.Data && before.override == override {
		if before.Lease != m.Lease || before.Rev != m.Rev || r.off&ruleLiveRead != 0 {
			r.unlive(id)
		}
		before.Lease, before.Rev, before.seen = m.Lease, m.Rev, r.marks
		r.nodes[id] = before
		return
	}
	r.unlive(id)
	n := Node{ID: id, Lease: m.Lease, Rev: m.Rev, data: m.Data, override: override, seen: r.marks}
	if err := n.read(m.record, &r.records); err != nil { // a record that we cannot read: of a later version, perhaps
		delete(r.nodes, id)
		r.unreadable[id] = true
		if before != nil {
			r.addChange(Delete, *before, at)
		}
		return
	}
	r.keep(n)
	if before == nil {
		r.addChange(Create, n, at)
	} else {
		r.update(*before, n, at)
	}
}

// keep makes a node a member. The record is dropped: its data takes a third of the memory.
func (r *Replica) keep(n Node) {
	n.Record = nil
	r.nodes[n.ID] = &n
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
		r.addChange(Delete, *n, at)
		r.changes[len(r.changes)-1].Lapsed = lapsed
	}
}

func (r *Replica) update(before, n Node, at time.Time) {
	r.addChange(Update, n, at)
	if before.version != n.version {
		before = r.read(before)
		r.changes[len(r.changes)-1].Before = &before
	}
}

func (r *Replica) addChange(a Action, n Node, at time.Time) {
	r.changes = append(r.changes, Change{Action: a, Node: r.read(n), Point: r.At(), Time: at})
}

// read returns a node with its record.
func (r *Replica) read(n Node) Node {
	if n.Record == nil {
		_ = n.read(nil, &r.records) // it was read when it came
	}
	return n
}

// read sets the record of a node: what was read of its data, and the override laid over
// that.
func (n *Node) read(own *record.Node, d *record.Decoder) error {
	if own == nil {
		decoded, err := d.Node(n.data)
		if err != nil {
			return err
		}
		own = &decoded
	}
	n.version, n.ttl, n.Record = own.Version, own.TTL, own
	if n.override != "" {
		laid := record.Lay(n.override, *own)
		n.Record = &laid
	}
	return nil
}
