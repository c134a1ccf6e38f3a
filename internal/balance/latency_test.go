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
		l.Begin()
		l.end(Now()-time.Hour, Unknown)
		if l.calls.Load() != 0 || l.lately.Load() != before {
			t.Errorf("%d calls, average %v, want %v", l.calls.Load(), lately(l.lately.Load()).average(), average)
		}
	}
}
