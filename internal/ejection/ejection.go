// Package ejection decides how long a node whose calls fail gets no calls. It is pure: it
// reads no clock.
package ejection

import (
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// A Policy says after how many failed calls in a row a node is ejected, and for how long:
// Base the first time, twice as long each further time, up to Longest.
type Policy struct {
	Failures      int // over 0
	Base, Longest time.Duration
	Off           bool // no node is ejected: the number of failures is for others
}

// after returns how long a node is ejected whose last ejection took so long; 0 is none that
// counts.
func (p Policy) after(last time.Duration) time.Duration {
	if last > p.Longest/2 {
		return p.Longest
	}
	return max(2*last, p.Base)
}

// A Node is what failed calls say of a node. The zero value is a node without any.
//
//	in --failures in a row--> out --its time is over--> due --picked--> probed
//	 ^                         ^                                          |
//	 |                         +----------------- failure ----------------+
//	 +------------------------------------------- success ----------------+
//
// Ejected, Failing, Succeeded and Failed may be called from many goroutines. The other
// methods need a mutex of the caller, and all but Eject are for a node that was ejected.
type Node struct {
	fails atomic.Int64 // in a row; over 0 while the node is out
	out   atomic.Bool

	*times // nil before the first ejection, as for nearly all nodes
}

type times struct {
	took   time.Duration // by the last ejection, before it was shortened
	until  time.Time     // the end of this one
	probed bool          // a call was let through
	back   time.Time     // when the last one ended
}

// Ejected says whether the node is out.
func (n *Node) Ejected() bool { return n.out.Load() }

// Failing says whether as many calls in a row have failed as the policy says.
func (n *Node) Failing(p Policy) bool { return n.fails.Load() >= int64(p.Failures) }

// Fails returns how many calls in a row have failed.
func (n *Node) Fails() int64 { return n.fails.Load() }

// Succeeded takes a call that succeeded.
func (n *Node) Succeeded() { n.fails.Store(0) }

// Failed takes a call that failed. It is true each time that there have been as many in a
// row as the policy says.
func (n *Node) Failed(p Policy) bool { return n.fails.Add(1)%int64(p.Failures) == 0 }

// Until returns when the ejection ends.
func (n *Node) Until() time.Time { return n.until }

// Probed says whether a call was let through that has not ended.
func (n *Node) Probed() bool { return n.probed }

// Eject takes the node out, or out again.
func (n *Node) Eject(p Policy, now time.Time) {
	if n.times == nil {
		n.times = &times{}
	}
	if !n.Ejected() && now.Sub(n.back) >= n.took {
		n.took = 0 // it had recovered
	}
	n.took = p.after(n.took)
	n.until = now.Add(n.took - rand.N(n.took/5+1))
	n.probed = false
	n.out.Store(true)
}

// Probe lets a call through. If its end is not reported for as long as the node was out, it
// lets another one through.
func (n *Node) Probe(now time.Time) { n.probed, n.until = true, now.Add(n.took) }

// Unprobe takes the probe back: its call says nothing of the node.
func (n *Node) Unprobe(now time.Time) { n.probed, n.until = false, now }

// Readmit brings the node back.
func (n *Node) Readmit(now time.Time) {
	n.probed, n.back = false, now
	n.fails.Store(0)
	n.out.Store(false)
}
