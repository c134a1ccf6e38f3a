package lua

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// A world is what a service in Redis should be, by the rules alone. Times are in
// minutes; leases are numbers, later ones greater.
type world struct {
	nodes     map[string]*mnode
	overrides map[string]string
	rev       int
	events    []string
}

// An mnode is one node of a world: a hash, an index entry, or both.
type mnode struct {
	hash    bool
	lease   int
	seq     uint64
	rev     int
	data    string
	gone    By
	left    int // of the hash
	forever bool

	indexed bool
	end     int // of the lease, by the index
}

func newWorld() *world { return &world{nodes: map[string]*mnode{}, overrides: map[string]string{}} }

func (w *world) node(id string) *mnode {
	if w.nodes[id] == nil {
		w.nodes[id] = &mnode{}
	}
	return w.nodes[id]
}

func (w *world) change(kind, lease, id, payload string) {
	w.rev++
	e := fmt.Sprintf("%d %s %s %s", w.rev, kind, lease, id)
	if payload != "" && payload != usual(id) {
		e += " " + payload
	}
	w.events = append(w.events, e)
}

// fence is the promise that an older lease, and an older call of the same lease,
// changes nothing, and that a lease that was deregistered stays away.
func (n *mnode) fence(t touch) (code Code, refused bool) {
	switch {
	case n.hash && n.lease > t.Lease:
		return Superseded, true
	case n.hash && n.lease == t.Lease && n.gone == Operator:
		return Removed, true
	case n.hash && n.lease == t.Lease && n.gone == Self:
		return Gone, true
	case n.hash && n.lease == t.Lease && n.seq > t.Seq:
		return Older, true
	}
	return 0, false
}

// holds reports whether the node lives under the very call of a touch.
func (n *mnode) holds(t touch) bool {
	return n.hash && n.gone == "" && n.lease == t.Lease && n.seq == t.Seq
}

func (w *world) register(touches []touch, exclusive, guess bool) []Code {
	var codes []Code
	for _, t := range touches {
		n := w.node(t.ID)
		code, fenced := n.fence(t)
		switch {
		case fenced:
		case guess && tokens[t.Lease] == ahead && (!n.hash || n.lease != t.Lease):
			code = Superseded
		case n.holds(t) && n.data == t.data() && n.indexed:
			code = Quiet
		case exclusive && n.hash && n.gone == "" && n.lease != t.Lease:
			code = Conflict
		default:
			code = Done
		}
		codes = append(codes, code)
	}
	if slices.Min(codes) < 0 {
		for i := range codes {
			codes[i] = min(codes[i], 0)
		}
		return codes
	}
	for i, t := range touches {
		n := w.node(t.ID)
		if codes[i] == Done {
			w.change("put", tokens[t.Lease], t.ID, t.data())
			*n = mnode{hash: true, lease: t.Lease, seq: t.Seq, rev: w.rev, data: t.data()}
		}
		if codes[i] != Older {
			n.left, n.forever, n.indexed, n.end = 10, false, true, 10
		}
	}
	return codes
}

// renew renews in hash and index, or in the hash alone.
func (w *world) renew(touches []touch, hashOnly bool) []Code {
	var codes []Code
	for _, t := range touches {
		n := w.node(t.ID)
		code, fenced := n.fence(t)
		if !fenced && n.holds(t) && (n.indexed || hashOnly) {
			code, n.left, n.forever = Done, 10, false
			if !hashOnly {
				n.end = 10
			}
		}
		codes = append(codes, code)
	}
	return codes
}

func (w *world) deregister(touches []touch, by By) []Code {
	var codes []Code
	for _, t := range touches {
		n := w.node(t.ID)
		ours := n.hash && n.lease == t.Lease
		code := None
		switch {
		case n.hash && n.lease > t.Lease:
			code = Superseded
		case by == Undo && !ours:
		default:
			tomb := by
			if by == Undo {
				tomb = Self
			}
			if n.indexed {
				w.change("del", tokens[t.Lease], t.ID, "")
				code = Done
			}
			if n.indexed = false; !ours || n.gone != tomb {
				*n = mnode{hash: true, lease: t.Lease, seq: t.Seq, gone: tomb, left: 1}
			}
		}
		codes = append(codes, code)
	}
	return codes
}

func (w *world) reap(touches []touch) []Code {
	var codes []Code
	for _, t := range touches {
		n := w.node(t.ID)
		code := None
		switch {
		case !n.indexed || n.end > 0:
		case n.hash && !n.forever && n.gone == "":
			code, n.end = Quiet, n.left
		default:
			kind, lease := "exp", "-"
			if n.gone != "" {
				kind = "del"
			}
			if n.hash {
				lease = tokens[n.lease]
			}
			w.change(kind, lease, t.ID, "")
			code, n.indexed = Done, false
			n.hash = n.hash && !n.forever
		}
		codes = append(codes, code)
	}
	return codes
}

func (w *world) override(id, json string) Code {
	n := w.node(id)
	switch {
	case w.overrides[id] == json:
		return Quiet
	case json != "" && (!n.indexed || !n.hash || n.gone != ""):
		return None
	}
	lease := "-"
	if n.hash {
		lease = tokens[n.lease]
	}
	w.overrides[id] = json
	w.change("set", lease, id, json)
	return Done
}

func (w *world) age(by int) {
	for _, n := range w.nodes {
		n.end -= by
		if n.left -= by; n.left <= 0 && !n.forever {
			n.hash = false
		}
	}
}

// lines returns the world as stage.nodes does.
func (w *world) lines() []string {
	var lines []string
	for _, id := range slices.Sorted(maps.Keys(w.nodes)) {
		n := w.nodes[id]
		if !n.hash && !n.indexed {
			continue
		}
		left := minutes(time.Duration(n.left) * time.Minute)
		if n.forever {
			left = "never"
		}
		line := id + " no hash"
		if n.hash && n.gone != "" {
			line = fmt.Sprintf("%s gone %s %s/%d %s", id, n.gone, tokens[n.lease], n.seq, left)
		} else if n.hash {
			line = fmt.Sprintf("%s live %s/%d rev %d %s", id, tokens[n.lease], n.seq, n.rev, left)
		}
		if n.indexed {
			line += ", indexed " + minutes(time.Duration(n.end)*time.Minute)
		} else {
			line += ", not indexed"
		}
		lines = append(lines, line)
	}
	return lines
}
