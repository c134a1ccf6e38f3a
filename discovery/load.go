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
	peak  atomic.Uint64 // moving average of latency, ns, as a float64; 0: no answer yet
	heard atomic.Int64  // when the last call ended that says something, by now; 0: none yet

	bounded atomic.Int64  // calls under way that Ring has picked for
	ring    *atomic.Int64 // and those of the whole service
}

// The average forgets two thirds of what it knew within decay. Failed calls pull it
// towards penalty at least, and to twice what it is up to worst: who fails at once is
// not fast, neither where a second is slow nor where it is quick.
const (
	decay   = 3 * time.Second
	penalty = time.Second
	worst   = time.Minute
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

// end takes a call that was timed. One that its caller gave up says nothing.
func (l *load) end(began time.Duration, v verdict) {
	l.calls.Add(-1)
	if v == unsaid {
		return
	}
	at := now()
	// Two calls that end together may overwrite each other's sample: one in many is
	// no loss, and neither waits.
	elapsed := at - time.Duration(l.heard.Swap(int64(at)))
	peak := math.Float64frombits(l.peak.Load())
	l.peak.Store(math.Float64bits(ewma(peak, float64(max(at-began, 1)), elapsed, v)))
}

// ewma is the average after a call, elapsed after the one before. It goes up to a slow
// call at once, and comes down to a fast one, or on to the penalty of a failed one, as
// time passes: one failure in many shows as much as it weighs.
func ewma(average, took float64, elapsed time.Duration, v verdict) float64 {
	if v == good && took >= average {
		return took
	}
	keep := 0.0
	if average > 0 {
		keep = fade(elapsed)
	}
	if v == bad {
		target := max(took, float64(penalty), min(2*average, float64(worst)))
		return max(average, took)*keep + target*(1-keep)
	}
	return average*keep + took*(1-keep)
}

// fade is what an average of some age still counts for.
func fade(age time.Duration) float64 {
	x := float64(max(age, 0)) / float64(decay)
	if x < 1e-3 {
		return 1 - x // near enough, and most are, at a fraction of the cost
	}
	return math.Exp(-x)
}

// cost is what one call more would cost, as of when the node was last heard; 0 is
// never. A node that has not answered yet has the cost of a fast one, until calls are
// under way.
func (l *load) cost(weight float64) (cost float64, heard time.Duration) {
	peak := math.Float64frombits(l.peak.Load())
	calls := float64(l.calls.Load())
	if peak == 0 && calls > 0 {
		peak = float64(penalty)
	}
	return (peak + 1) * (calls + 1) / weight, time.Duration(l.heard.Load())
}
