package replica

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/record"
)

// readerTruth is what is true of a reader.
type readerTruth struct {
	shownRev    map[string]uint64 // the highest revision of each epoch
	live        bool              // it claims to see all, and nothing has happened that it cannot know
	excuses     int               // how often something happened that it cannot know
	excused     time.Duration     // when it last did
	troubles    int               // how often it was out of contact
	troubled    int               // reasons why it is out of contact now
	lastTrouble time.Duration     // when it was last in trouble
	reads       int               // snapshots that counted
	missed      int               // how often it found that it had missed events
	expired     bool              // the history has, since the last snapshot that counted
	deaf        bool              // its subscription brought nothing of a change, and it has to find out

	liveAt map[string]time.Duration // when each node that it showed last reported that it is alive, by lease
	silent time.Duration            // when such a message was last lost
}

// promptly and healed are how soon a change has to be seen: delivered, or lost.
// More is allowed where calls may take long.
func (w *world) promptly() time.Duration { return time.Second + w.allowance() }

func (w *world) healed() time.Duration { return w.poll() + 1500*time.Millisecond + w.allowance() }

func (w *world) allowance() time.Duration {
	if w.plan.slow > 0 {
		return 2 * time.Second
	}
	return 0
}

// poll is the longest time between two polls.
func (w *world) poll() time.Duration { return min(w.plan.poll, w.ttl*2/5) }

// changed is called for each change of a history: readers have to see it.
func (w *world) changed(s *server) {
	if s != w.master {
		return
	}
	for _, r := range w.readers {
		if r.sub.acked && !r.sub.closed && !s.publishesTo(r.sub) && !r.truth.deaf {
			w.deaf(r)
		}
		if r.truth.live {
			w.expect(r, w.promptly(), prompt, func() int { return r.truth.excuses })
		}
		w.expectHealed(r)
	}
}

// deaf has a reader find out that its subscription has lost a change, unless it
// reads the service again for another reason.
func (w *world) deaf(r *reader) {
	r.truth.deaf = true
	sub, troubles, reads, missed, untagged := r.sub, r.truth.troubles, r.truth.reads, r.truth.missed, w.oracle.untagged
	w.after(w.healed(), func() {
		r.truth.deaf = false
		noticed := r.truth.missed != missed || r.truth.reads == reads // or it need not have
		back := w.oracle.untagged != untagged                         // the history expired, and what was lost may have been all of it
		if r.sub == sub && !sub.closed && noticed && !back && r.truth.troubles == troubles && r.truth.troubled == 0 {
			w.fail(noDeafness, "%s", r.name)
		}
	})
}

func (w *world) expectHealed(r *reader) {
	if r.truth.troubled == 0 {
		w.expect(r, w.healed(), noGap, func() int { return r.truth.troubles })
	}
}

// expectMended has a reader find what has changed without a change of the version,
// in two polls: the first may come between a change and its event, and show
// nothing.
func (w *world) expectMended(r *reader) {
	if r.truth.troubled == 0 {
		w.expect(r, w.healed()+w.poll(), noGap, func() int { return r.truth.troubles })
	}
}

// expect has a reader be where the registry is now, or further, within d, unless
// what spoils the check has happened meanwhile.
func (w *world) expect(r *reader, d time.Duration, promise string, spoilt func() int) {
	m, before := w.master, spoilt()
	n := len(m.been) - 1
	want := m.been[n]
	w.after(d, func() {
		switch {
		case spoilt() != before || len(w.master.been) <= n || w.master.been[n] != want:
		case !slices.Contains(w.master.been[n:], r.rep.at):
			w.fail(promise, "%s is at rev %d %.6s, not yet at rev %d %.6s", r.name, r.rep.at.Rev, r.rep.at.Tag, want.Rev, want.Tag)
		case promise == noGap && r.rep.at == w.master.version && w.now-w.oracle.untagged >= w.healed()+w.poll():
			if lacks := w.compare(r); lacks != "" {
				w.fail(promise, "%s at rev %d: %s", r.name, want.Rev, lacks)
			}
		}
	})
}

// laid returns what is in force for a node of this lease, by the registry's clock: now, and
// at any time since a reader polled last.
func (w *world) laid(id, lease string) (any []string) {
	s := w.master
	all, own := s.overrides[keys.AllNodes], s.overrides[id]
	now := time.Unix(0, int64(s.clock()))
	for at := now.Add(-w.poll() - endLatest); ; {
		lines := []string{record.InForce(all, lease, at), record.InForce(own, lease, at)}
		any = append(any, strings.Trim(strings.Join(lines, "\n"), "\n"))
		if at = record.NextEnd(all+"\n"+own, at); at.IsZero() || at.After(now) {
			return any
		}
	}
}

// compare returns how the members that a reader shows differ from those of the
// registry. Nodes whose hash is gone may be shown or not.
func (w *world) compare(r *reader) string {
	s := w.master
	for _, id := range s.ids() {
		n, shown := r.rep.nodes[id]
		if !s.alive(id) {
			continue
		}
		switch h := s.hash(id); {
		case !shown:
			return id + " is not shown"
		case n.data != h.data || n.Lease != h.lease || n.Rev != h.rev:
			return id + " is not as it was registered"
		case !slices.Contains(w.laid(id, h.lease), n.override):
			return fmt.Sprintf("%s has the override %q, want one of %q", id, n.override, w.laid(id, h.lease))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(r.rep.nodes)) {
		if _, indexed := s.index[id]; !indexed {
			return id + " is shown"
		}
	}
	return ""
}

// excuse notes that something happened that the reader cannot know at once.
func (r *reader) excuse() {
	r.truth.live = false
	r.truth.excuses++
	r.truth.excused = r.w.now
}

// healthy reports whether a reader gets what the registry publishes.
func (w *world) healthy(r *reader) bool {
	early := r.sub.server == nil && w.isOff(ruleSubscribeFirst)
	return r.truth.troubled == 0 && (early || r.sub.acked && r.sub.server == w.master && w.master.publishesTo(r.sub))
}

// read is called when a reader has taken a snapshot, whose last question was
// answered at that time: from now on it claims to see every change.
func (w *world) read(r *reader, asked time.Duration) {
	r.truth.reads++
	r.truth.expired = false
	if w.healthy(r) && r.truth.excused < asked {
		r.truth.live = true
		w.expect(r, w.promptly(), prompt, func() int { return r.truth.excuses })
	}
}

// snapshotDropped is called when a snapshot did not count. While events are lost, the next
// one may not either.
func (w *world) snapshotDropped(r *reader) {
	r.excuse()
	r.truth.troubles++
}

// troubling is called when a reader reads the service again, or on a new
// subscription. Where nothing is lost, only the first change of a service and the
// end of its history call for that.
func (w *world) troubling(r *reader, from source, v Outcome) {
	if v == Missed {
		r.truth.missed++
	}
	if first := r.rep.at.Tag == "" || r.truth.expired; w.plan.faultless && r.rep.proven && (v == Missed || !first) {
		w.fail(thrift, "%s, by %s, outcome %d", r.name, from.name, v)
	}
}

// check holds against a reader what an input has changed.
func (w *world) check(r *reader, from source) {
	if w.healthy(r) && r.rep.at == w.master.version {
		r.truth.live = true
	}
	for _, c := range r.feed.Changes(w.local()) {
		w.note("%s: %s %s by %s", r.name, []string{"create", "update", "delete"}[c.Action], c.Node.ID, from.name)
		if c.Point.Rev < r.truth.shownRev[c.Point.Epoch] {
			w.fail(inOrder, "%s reports rev %d after rev %d", r.name, c.Point.Rev, r.truth.shownRev[c.Point.Epoch])
		}
		r.truth.shownRev[c.Point.Epoch] = c.Point.Rev
		before, shown := r.shown[c.Node.ID]
		same := before.data == c.Node.data && before.override == c.Node.override
		if shown == (c.Action == Create) || c.Action == Update && same {
			w.fail(exactChanges, "%s: action %d for %s, shown %v, same %v", r.name, c.Action, c.Node.ID, shown, same)
		}
		r.shown[c.Node.ID] = c.Node
		if c.Action == Delete {
			delete(r.shown, c.Node.ID)
			w.removed(r, c, from)
		}
	}
	nodes := r.rep.Nodes()
	if len(nodes) != len(r.shown) {
		w.fail(exactChanges, "%s shows %d nodes, and %d by its changes", r.name, len(nodes), len(r.shown))
	}
	for _, n := range nodes {
		if before := r.shown[n.ID]; before.data != n.data || before.override != n.override {
			w.fail(exactChanges, "%s shows %s otherwise than by its changes", r.name, n.ID)
		}
	}
}

// removed checks a removal of the claim that the reader showed.
func (w *world) removed(r *reader, change Change, from source) {
	c := w.claims[change.Node.Lease]
	switch {
	case !c.truth.mustShow:
	case from.name == "snapshot" && change.Node.Rev < c.truth.rev && w.master.hash(c.id) == nil:
		// it ran out, and a failover lost its next registration before the reader received that
	case c.truth.denied != 0 && (from.name != "event" || w.acts[change.Point.Tag] == maxLease):
		if w.reportedLive(r, c) {
			w.fail(noFalseEnd, "%s takes %s away by %s, which reported that it is alive", r.name, c.id, from.name)
		}
	case from.name == "event": // checked when it was made, except which lease is newer
		act := w.acts[change.Point.Tag]
		if own := w.claims[act] == c; newer(c.lease, act) && !own { // its own is a guess that was refused and came late: an operator has removed it
			w.fail(noFalseEnd, "%s takes %s away by the deregistration of an older lease", r.name, c.id)
		}
	case c.truth.since < from.at:
		w.fail(noFalseEnd, "%s takes %s away by %s, and it renews in time", r.name, c.id, from.name)
	}
}
