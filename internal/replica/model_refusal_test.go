package replica

import (
	"time"

	"github.com/rollcall-go/rollcall/internal/record"
)

// refuse has the master refuse writes for a while, and go on with everything else.
func (w *world) refuse(d time.Duration) {
	s := w.master
	if s.refusing || s.stopped || w.strained() {
		return
	}
	w.note("%s: refuses writes for %v", s.name, d)
	s.refusing = true
	w.refusing(1)
	w.after(d, func() {
		w.note("%s: takes writes again", s.name)
		s.refusing = false
		w.oracle.strained = w.now
		w.refusing(-1)
		w.expectRenewed()
	})
}

// refusing is called when a refusal begins or ends. Readers can go on reading: it
// excuses none of them.
func (w *world) refusing(more int) {
	w.oracle.ongoing += more
	w.oracle.faults++
	w.oracle.lastFault = w.now
}

// expectRenewed has readers show no node as held that is renewed again, within the longest
// wait of a registrar and a poll.
func (w *world) expectRenewed() {
	faults, ended := w.oracle.faults, w.now
	w.after(w.ttl/3+w.poll()+time.Second+w.allowance(), func() {
		for _, r := range w.readers {
			for id := range r.rep.lives {
				c := w.claims[r.rep.leaseOf(id)]
				noFaults := w.oracle.faults == faults && r.truth.troubled == 0 && r.truth.lastTrouble < ended
				late := r.truth.liveAt[c.lease] > ended // the call with the report hung on its way
				if noFaults && !late && !w.master.behind(id) && c.truth.mustShow && c.truth.denied == 0 {
					w.fail(refusalEnds, "%s holds %s", r.name, id)
				}
			}
		}
	})
}

// lostLive notes that a message of nodes that they are alive was lost.
func (r *reader) lostLive() { r.truth.silent = r.w.now }

// heldBy returns the hold of a node, if there is one, and its lease.
func (r *reader) heldBy(id string) (h hold, lease string) {
	if h, held := r.rep.holds[id]; held {
		return h, h.node.Lease
	}
	return r.rep.lives[id], r.rep.leaseOf(id)
}

// receiveLive has a reader take a message of nodes that they are alive, one node at a time, and
// checks what it makes of that.
func (w *world) receiveLive(r *reader, l record.Live, take func(record.Live)) {
	for _, node := range l.Nodes {
		before, _ := r.heldBy(node.ID)
		one := l
		one.Nodes = []record.LiveNode{node}
		take(one)
		switch h, lease := r.heldBy(node.ID); {
		case h.aliveAt.Equal(before.aliveAt) && h.left == before.left:
		case lease != node.Lease:
			w.fail(ownWord, "%s holds %s of %s by the word of %s", r.name, node.ID, lease, node.Lease)
		default:
			r.truth.liveAt[node.Lease] = w.now
		}
	}
}

// reportedLive returns whether a reader knows that a claim is alive: by a report within a TTL, or
// must have been, since it was in contact for as long as Redis has refused.
func (w *world) reportedLive(r *reader, c *claim) bool {
	liveAt, ever := r.truth.liveAt[c.lease]
	since := c.truth.denied
	steady := r.truth.troubled == 0 && r.truth.lastTrouble < since && r.truth.excused < since && r.truth.silent < since
	return ever && w.now-liveAt < w.ttl || steady && r.truth.live
}
