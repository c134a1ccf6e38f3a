package replica

import (
	"slices"
	"time"
)

// An oracle knows what is true, which no host in the world does, and holds the
// promises against it.
type oracle struct {
	faults    int           // begun or ended so far, by which checks that they spoil are known
	ongoing   int           // faults of the registry under way
	lastFault time.Duration // when the last fault of the registry began or ended
	strained  time.Duration // when the master last went on after a stop, or its clock was set
	stepped   time.Duration // when the master's clock was last set
	untagged  time.Duration // when the registry last changed without a change of its version
}

// truth is what is true of a claim.
type truth struct {
	mustShow     bool          // its process renews in time, and no other process removed it: it must be shown
	since        time.Duration // of mustShow
	rev          uint64        // of its registration, then
	denied       time.Duration // since when Redis refuses to renew it; 0 while it does not
	deregistered *server       // has executed its deregistration
	faults       int           // as the oracle's, when it did
}

// held is called when a claim is in Redis: it was just registered or renewed.
func (w *world) held(s *server, t touch) {
	c := w.claims[t.lease]
	p := c.process
	if s == w.master {
		c.truth.denied = 0
	}
	if s == w.master && !c.Over() && !p.paused && !p.crashed && !p.isolated && !c.truth.mustShow {
		c.truth.mustShow, c.truth.since = true, w.now
		if h := s.hash(t.id); h != nil {
			c.truth.rev = h.rev
		}
	}
}

// expired is called when a history has expired, which no event reports:
// readers find out by a poll.
func (w *world) expired(s *server) {
	if s != w.master {
		return
	}
	w.oracle.untagged = w.now
	for _, r := range w.readers {
		r.excuse()
		r.truth.expired = !slices.ContainsFunc(s.ids(), s.alive)
		w.expectHealed(r)
		w.expectMended(r)
	}
}

// claimsOf returns what processes claim of a node.
func (w *world) claimsOf(id string) []*claim {
	var some []*claim
	for _, p := range w.processes {
		for _, c := range p.claims {
			if c.id == id {
				some = append(some, c)
			}
		}
	}
	return some
}

// denied is called when Redis has refused to renew or register a claim.
func (w *world) denied(t touch) {
	if c := w.claims[t.lease]; c.truth.denied == 0 {
		c.truth.denied = w.now
	}
}

// troubled ends mustShow for a claim: what happens to it now breaks no promise.
func (w *world) troubled(c *claim) { c.truth.mustShow = false }

// refused is called for a registration that the moving slot refuses, or that came
// late. Until one succeeds, the node may run out.
func (w *world) refused(c call) {
	for _, t := range c.nodes {
		w.troubled(w.claims[t.lease])
	}
}

// putting is called for each registration before it is made.
func (w *world) putting(s *server, t touch) {
	if h := s.hash(t.id); h != nil && (newer(h.lease, t.lease) || h.lease == t.lease && h.seq > t.seq) {
		w.fail(fenced, "%s/%d of %s overwrites %s/%d", t.lease, t.seq, t.id, h.lease, h.seq)
	}
	noFaults := w.oracle.lastFault == 0 || w.now-w.oracle.lastFault > 30*time.Second // deadlines are where they seem to be
	if c := w.claims[t.lease]; c.truth.deregistered == s && c.truth.faults == w.oracle.faults && noFaults {
		w.fail(noZombie, "%s of %s", t.lease, t.id)
	}
	for _, other := range w.claimsOf(t.id) {
		if newer(t.lease, other.lease) {
			w.troubled(other)
		}
	}
}

// ending is called for each removal before it is made. One by an older lease finds
// no hash that forbids it, and readers know better.
func (w *world) ending(s *server, id, lease, by string) {
	for _, c := range w.claimsOf(id) {
		switch {
		case !c.truth.mustShow || by != "reap" && newer(c.lease, lease):
		case by == bySelf || by == byOperator:
			w.troubled(c)
		case c.truth.denied != 0: // the registry cannot know better; readers do
		default:
			w.fail(noFalseEnd, "%s of %s removes %s on %s, which renews in time", by, lease, id, s.name)
		}
	}
}

// deregistered is called when a deregistration has arrived.
func (w *world) deregistered(s *server, t touch) {
	if c := w.claims[t.lease]; c != nil && c.Over() {
		c.truth.deregistered, c.truth.faults = s, w.oracle.faults
	}
}
