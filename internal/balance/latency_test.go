package balance

import (
	"math"
	"testing"
	"time"
)

// Two first answers of a node that end together may leave a count without an average.
// The next ones make an average of that.
func TestLatencyRecoversFromHalfASample(t *testing.T) {
	l := latency{0, 1}
	for range few + 1 {
		l = l.after(float64(time.Millisecond), time.Second, OK)
	}
	if !(l.average > 0) || math.IsInf(l.average, 0) {
		t.Errorf("the average is %v", l.average)
	}
}

func TestLatency(t *testing.T) {
	const ms = float64(time.Millisecond)
	for _, tc := range []struct {
		name    string
		before  latency
		took    float64
		elapsed time.Duration
		r       Result
		want    latency
	}{
		{"the first", latency{}, 9 * ms, time.Hour, OK, latency{-9 * ms, 1}},
		{"the second", latency{-9 * ms, 1}, 5 * ms, time.Hour, OK, latency{-math.Sqrt(45) * ms, 2}},
		{"one of the first is slow", latency{-5 * ms, 3}, 405 * ms, 0, OK, latency{-15 * ms, 4}},
		{"the fifth is enough", latency{-5 * ms, 4}, 5 * ms, time.Hour, OK, latency{5 * ms, 0}},
		{"the first fails", latency{}, ms, time.Millisecond, Failed, latency{-1000 * ms, 1}},
		{"a suddenly slow one", latency{ms, 0}, 50 * ms, time.Hour, OK, latency{1.375 * ms, 1}},
		{"the second in a row", latency{ms, 1}, 50 * ms, 0, OK, latency{1.75 * ms, 2}},
		{"the third in a row", latency{ms, 2}, 50 * ms, 0, OK, latency{2.5 * ms, 3}},
		{"further ones in a row", latency{ms, 3}, 50 * ms, 0, OK, latency{4 * ms, 3}},
		{"a slower one", latency{ms, 3}, 3 * ms, time.Hour, OK, latency{1.25 * ms, 0}},
		{"a faster one at once", latency{50 * ms, 3}, 10 * ms, 0, OK, latency{45 * ms, 0}},
		{"a faster one later", latency{50 * ms, 0}, ms, decay, OK, latency{ms + 49*ms/math.E, 0}},
		{"a faster one long after", latency{50 * ms, 0}, ms, time.Hour, OK, latency{ms, 0}},
		{"a clock that goes back", latency{50 * ms, 0}, 10 * ms, -time.Hour, OK, latency{45 * ms, 0}},
		{"a failure at once", latency{ms, 0}, ms, 0, Failed, latency{1.375 * ms, 1}},
		{"a failure where all is slow", latency{5000 * ms, 3}, ms, 0, Failed, latency{20_000 * ms, 3}},
		{"at its worst", latency{60_000 * ms, 3}, ms, time.Hour, Failed, latency{60_000 * ms, 0}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := tc.before.after(tc.took, tc.elapsed, tc.r)
			if math.Abs(got.average-tc.want.average) > 1 || got.row != tc.want.row {
				t.Errorf("%+v, want %+v", got, tc.want)
			}
		})
	}
}

// A call that its caller gave up is over, and says nothing of its node.
func TestGivenUpSaysNothing(t *testing.T) {
	var l Load
	for _, average := range []float64{0, float64(time.Millisecond)} {
		before := uint64(latelyOf(average, time.Hour))
		l.lately.Store(before)
		l.Begin(1)
		l.Done(Timed, Now()-time.Hour, Unknown)
		if l.underWay() != 0 || l.lately.Load() != before {
			t.Errorf("%d calls, average %v, want %v", l.underWay(), lately(l.lately.Load()).average(), average)
		}
	}
}

// Of many calls in one tick some are timed, of few all are. A failed call always counts.
func TestSomeOfManyCallsAreTimed(t *testing.T) {
	var l Load
	timed := func(tick uint32, calls int) (n int) {
		for range calls {
			began := l.Begin(tick)
			if began != 0 {
				n++
			}
			l.Done(Timed, began, OK)
		}
		return n
	}
	for tick := range uint32(5) {
		if n := timed(tick+1, timedFirst); n != timedFirst {
			t.Errorf("tick %d: %d of the first %d calls are timed", tick, n, timedFirst)
		}
		if n := timed(tick+1, 100*timedEvery); n != 100 {
			t.Errorf("tick %d: %d of %d further calls are timed, want 100", tick, n, 100*timedEvery)
		}
	}
	before := lately(l.lately.Load()).average()
	for range 5 {
		l.Begin(5)
		l.Done(Timed, 0, Failed)
	}
	if after := lately(l.lately.Load()).average(); after < 5*before {
		t.Errorf("five failures raise the latency from %v to %v", before, after)
	}
	if n := l.underWay(); n != 0 {
		t.Errorf("%d calls are under way", n)
	}
}
