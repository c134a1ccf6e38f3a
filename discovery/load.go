package discovery

import (
	"math"
	"sync/atomic"
	"time"
)

// A load is how busy a node is, as far as this process can tell: how many of its
// calls are under way, and how long they have taken lately.
type load struct {
	calls atomic.Int64  // under way
	peak  atomic.Uint64 // moving average of latency, ns, as a float64; 0: no call yet
	at    atomic.Int64  // when peak was true, by now

	bounded atomic.Int64  // calls under way that Ring has picked for
	ring    *atomic.Int64 // and those of the whole service
}

// The average forgets two thirds of what it knew within decay, also while nobody is
// called: who was slow once gets another chance. A call that failed counts as one that
// took penalty at least: who fails at once is not fast.
const (
	decay   = 3 * time.Second
	penalty = time.Second
)

func (l *load) begin() { l.calls.Add(1) }

// done takes a call that is over.
func (l *load) done(p Picked, v verdict) {
	switch p.tracked {
	case timed:
		l.end(p.began, v)
	case bounded:
		l.bounded.Add(-1)
		l.ring.Add(-1)
	}
}

// end takes a call that was timed. One that its caller gave up tells only that it took
// so long: it counts where it took longer than usual.
func (l *load) end(began time.Duration, v verdict) {
	l.calls.Add(-1)
	at := now()
	took := at - began
	peak := math.Float64frombits(l.peak.Load())
	switch {
	case v == bad:
		took = max(took, penalty)
	case v == unsaid && float64(took) <= peak:
		return
	}
	// Two calls that end together may overwrite each other's sample: one in many is
	// no loss, and neither waits.
	elapsed := at - time.Duration(l.at.Swap(int64(at)))
	l.peak.Store(math.Float64bits(ewma(peak, float64(took), elapsed)))
}

// ewma moves an average towards a sample: at once where that is higher, and the
// slower the shorter the time since the last one where it is lower.
func ewma(average, sample float64, elapsed time.Duration) float64 {
	if sample >= average {
		return sample
	}
	keep := math.Exp(-float64(elapsed) / float64(decay))
	return average*keep + sample*(1-keep)
}

// cost is what one call more would cost: of two nodes, the one with the lower cost is
// the better choice. A node without an average yet has the cost of a fast one, until
// calls are under way.
func (l *load) cost(weight float64, now time.Duration) float64 {
	peak := math.Float64frombits(l.peak.Load())
	calls := float64(l.calls.Load())
	switch {
	case peak > 0:
		peak = ewma(peak, 0, now-time.Duration(l.at.Load()))
	case calls > 0:
		peak = float64(penalty)
	}
	return (peak + 1) * (calls + 1) / weight
}
