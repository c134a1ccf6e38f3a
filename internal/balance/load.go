package balance

import (
	"math"
	"sync/atomic"
	"time"
)

// A Load is how busy a node is, as far as this process can see: how many of its calls
// are under way, and how long they have taken lately. What each call reads and writes lies
// together. Make it with Init.
type Load struct {
	calls  atomic.Uint64 // begun so far, in the upper half; under way, in the lower half
	lately atomic.Uint64 // the average of a latency and when it was known, see lately
	row    atomic.Int32  // of the same latency
	tick   atomic.Uint32 // of the call that began last
	first  atomic.Uint32 // calls begun before that tick

	bounded atomic.Int64  // calls under way that Ring has picked for
	ring    *atomic.Int64 // and those of the whole service
}

// A latency is a moving average of how long calls take, in the form that a load keeps.
type latency struct {
	average float64 // ns; negative while answers are too few: their geometric mean
	row     int     // of so many answers: those that are too few, or came suddenly slow
}

const (
	few    = 5                // answers are needed for an average
	gain   = 1. / 8           // of an answer in the average
	sudden = 4                // times the average: slow answers count up to this
	decay  = 20 * time.Second // forgets two thirds

	// Failed calls count as ones of penalty at least, and as sudden ones up to worst: a
	// node that fails at once is not fast, neither where a second is slow nor where it
	// is quick.
	penalty = time.Second
	worst   = time.Minute
)

// A clock is read in some 30 ns: of the calls to a node in one tick, the first timedFirst are
// timed, and of the further ones one in timedEvery.
const (
	timedFirst = 32
	timedEvery = 16
)

// Init makes the Load that of a node that is idle. bounded counts the calls under way that
// Ring has picked for, of all nodes that may be members together.
func (l *Load) Init(bounded *atomic.Int64) { l.ring = bounded }

// UnderWay returns how many calls are under way, of those that are counted.
func (l *Load) UnderWay() int64 { return l.underWay() + l.bounded.Load() }

func (l *Load) underWay() int64 { return int64(uint32(l.calls.Load())) }

// Begin takes a call that begins, and that is Timed, in a tick: a number that changes a few
// times a second. It returns when the call began, by Now; 0 if its end need not be timed.
func (l *Load) Begin(tick uint32) (began time.Duration) {
	number := uint32(l.calls.Add(1<<32+1) >> 32)
	if l.tick.Load() != tick {
		l.tick.Store(tick)
		l.first.Store(number)
	}
	if number-l.first.Load() >= timedFirst && number%timedEvery != 0 {
		return 0
	}
	return Now()
}

// Done takes a call that is over. If it is Timed, began is what Begin returned.
func (l *Load) Done(t Tracking, began time.Duration, r Result) {
	switch t {
	case Timed:
		l.calls.Add(^uint64(0))
		if r == Failed || began != 0 && r == OK {
			l.sample(began, r)
		}
	case Bounded:
		l.bounded.Add(-1)
		l.ring.Add(-1)
	}
}

// sample adds the call to the average latency. If it was not timed, it has failed.
func (l *Load) sample(began time.Duration, r Result) {
	at := Now()
	took := at - began
	if began == 0 {
		took = 0
	}
	// Two calls that end together may overwrite each other's sample: one in many is
	// no loss, and neither waits.
	known := lately(l.lately.Load())
	before := latency{known.average(), int(l.row.Load())}
	after := before.after(float64(max(took, 1)), latelyOf(0, at).since(known), r)
	l.lately.Store(uint64(latelyOf(after.average, at)))
	if after.row != before.row {
		l.row.Store(int32(after.row))
	}
}

// after is the latency after a call that took so many ns, elapsed after the one before.
//
// A slow answer raises the average a little, and each further one in a row by twice as
// much, so that a single one in many costs a node next to nothing and five show that it
// is slow. A fast one lowers it at once where the node has not answered for long.
func (l latency) after(took float64, elapsed time.Duration, r Result) latency {
	average := math.Abs(l.average)
	if r == Failed {
		took = max(took, float64(penalty), min(2*sudden*average, float64(worst)))
	}
	switch {
	case l.average <= 0:
		if l.row > 0 && average > 0 { // slow ones, as those that had to connect, count little
			took = average * math.Pow(took/average, 1/float64(l.row+1))
		}
		if l.row+1 < few {
			return latency{-took, l.row + 1}
		}
		return latency{took, 0}
	case took > sudden*average:
		weight := min(1, gain*float64(int(1)<<l.row))
		return latency{average + (sudden-1)*average*weight, min(l.row+1, 3)}
	case took > average:
		return latency{average + (took-average)*gain, 0}
	}
	return latency{took + (average-took)*min(1-gain, fade(elapsed)), 0}
}

// fade is what an average of some age still counts for.
func fade(age time.Duration) float64 {
	x := float64(max(age, 0)) * (1 / float64(decay))
	if x < 1e-3 {
		return 1 - x // near enough, and most are, at a fraction of the cost
	}
	return math.Exp(-x)
}

// cost compares the latencies of two nodes: equal ones where not enough is known of
// both. Time makes both fade alike: how much older one is says all, and no clock is
// asked.
func (l *Load) cost(other *Load) (own, others float64) {
	a, b := lately(l.lately.Load()), lately(other.lately.Load())
	own, others = a.average(), b.average()
	if own <= 0 || others <= 0 {
		return 1, 1
	}
	switch age := b.since(a); {
	case age > 0:
		own *= fade(age)
	case age < 0:
		others *= fade(-age)
	}
	return own, others
}

// A lately is an average and when it was known, by now, in the one word that is read and
// written at once: a float32, and the time in units of about a millisecond.
type lately uint64

const latelyUnit = 1 << 20 // ns

func latelyOf(average float64, at time.Duration) lately {
	return lately(math.Float32bits(float32(average)))<<32 | lately(uint32(at/latelyUnit))
}

func (w lately) average() float64 { return float64(math.Float32frombits(uint32(w >> 32))) }

// since is how much later w was known than other, if that is under 26 days.
func (w lately) since(other lately) time.Duration {
	return time.Duration(int32(uint32(w)-uint32(other))) * latelyUnit
}
