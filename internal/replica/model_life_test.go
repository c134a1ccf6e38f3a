package replica

import (
	"fmt"
	"slices"
	"time"

	"github.com/rollcall-go/rollcall/internal/keys"
)

// A deed is something that a process or an operator does.
type deed struct {
	name string
	do   func(*world)
}

func (d deed) String() string { return d.name }

var deeds = []deed{
	{"join", (*world).join},
	{"take over", (*world).takeOver},
	{"leave", func(w *world) {
		if c := pick(w, w.liveClaims()); c != nil {
			w.note("%s: leaves %s", c.process.name, c.id)
			c.process.leave(c)
		}
	}},
	{"update", func(w *world) {
		if c := pick(w, w.liveClaims()); c != nil {
			w.note("%s: updates %s", c.process.name, c.id)
			c.process.update(c)
		}
	}},
	{"crash", func(w *world) {
		if c := pick(w, w.liveClaims()); c != nil {
			w.crash(c.process)
		}
	}},
	{"crash all", func(w *world) {
		for _, p := range slices.Clone(w.processes) {
			w.crash(p)
		}
	}},
	{"burst", func(w *world) {
		for range 50 {
			if c := pick(w, w.liveClaims()); c != nil {
				w.after(w.between(0, 200*time.Millisecond), func() { c.process.update(c) })
			}
		}
	}},
	{"remove", (*world).remove},
	{"override", (*world).override},
}

// life returns the deeds of these names.
func life(names ...string) []deed {
	return slices.DeleteFunc(slices.Clone(deeds), func(d deed) bool { return !slices.Contains(names, d.name) })
}

// liveClaims returns the claims that can be left, changed or lost.
func (w *world) liveClaims() []*claim {
	var some []*claim
	for _, p := range w.processes {
		for _, c := range p.claims {
			if !c.Over() && !p.crashed && !p.paused && c.lease != "" {
				some = append(some, c)
			}
		}
	}
	return some
}

// join starts a process with one or two new nodes.
func (w *world) join() {
	if len(w.liveClaims()) >= 8 {
		return
	}
	var ids []string
	for range 1 + w.rng.IntN(2) {
		w.ids++
		ids = append(ids, fmt.Sprintf("node%d", w.ids))
	}
	p := w.newProcess(ids...)
	w.note("%s: joins with %v", p.name, ids)
}

// takeOver starts a process with the id of another.
func (w *world) takeOver() {
	if len(w.processes) == 0 {
		return
	}
	old := pick(w, pick(w, w.processes).claims)
	p := w.newProcess(old.id)
	w.note("%s: takes over %s", p.name, old.id)
}

// crash ends a process without Deregister. Its nodes have to be gone from every
// view a second after their leases end.
func (w *world) crash(p *process) {
	if p.crashed {
		return
	}
	w.note("%s: crashes", p.name)
	p.crashed = true
	for _, c := range p.claims {
		w.troubled(c)
		if !c.Over() {
			w.expectGone(c.id, w.now)
		}
	}
}

// expectGone has every view be without a node a second after its lease has ended
// by the index, unless a process registers it again or a fault comes in between.
func (w *world) expectGone(id string, since time.Duration) {
	s := w.master
	end, indexed := s.index[id]
	if !indexed || s.behind(id) {
		return
	}
	left := time.Duration(end-s.clockMS())*time.Millisecond + time.Second + w.allowance()
	w.after(left, func() {
		noTrouble := since - w.ttl/2 - time.Second - w.healed()
		again := func(c *claim) bool { return c.truth.since > since }
		if w.oracle.ongoing > 0 || w.oracle.lastFault > max(noTrouble, 0) || slices.ContainsFunc(w.claimsOf(id), again) {
			return
		}
		now, indexed := s.index[id]
		switch {
		case !indexed:
			return // reaped: it is a change like others
		case now > end:
			w.expectGone(id, since) // a call that was under way came later
			return
		}
		for _, r := range w.readers {
			if r.rep.Shows(id) && r.truth.lastTrouble <= max(noTrouble, 0) && r.truth.troubled == 0 {
				w.fail(soonGone, "%s shows %s", r.name, id)
			}
		}
	})
}

// remove has an operator remove a node.
func (w *world) remove() {
	id := pick(w, w.master.ids())
	h := w.master.hash(id)
	if h == nil || h.gone != "" {
		return
	}
	w.note("operator: removes %s of %s", id, h.lease)
	c := call{deadline: w.master.clock() + time.Second, nonce: w.nonce(), nodes: []touch{{id: id, lease: h.lease, seq: h.seq}}}
	to := w.master
	w.after(w.latency(), func() { to.exec(func() { to.deregister(c, byOperator) }) })
}

// anyOverride is bound to the lease that has the node, ends after a while, or neither.
func (w *world) anyOverride(id string) string {
	until, lease := int64(0), "-"
	if h := w.master.hash(id); h != nil && w.chance(0.5) {
		lease = h.lease
	}
	if w.chance(0.5) {
		until = (w.master.clock() + w.between(0, 20*time.Second)).Milliseconds()
	}
	return fmt.Sprintf(`weight %d 1 %s {"value":%d}`, until, lease, 1+w.rng.IntN(3))
}

// override has an operator set or undo an override of a node, or of all.
func (w *world) override() {
	id, override := pick(w, w.master.ids()), ""
	if id == "" {
		return
	}
	if w.chance(0.7) {
		override = w.anyOverride(id)
		if w.chance(0.2) {
			id = keys.AllNodes
		}
	}
	c := call{deadline: w.master.clock() + time.Second, nonce: w.nonce()}
	to := w.master
	w.after(w.latency(), func() { to.exec(func() { to.override(c, id, override) }) })
}
