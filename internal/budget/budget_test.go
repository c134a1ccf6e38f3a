package budget

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestBudget(t *testing.T) {
	type step struct {
		after time.Duration
		calls int64
		want  int // retries that can be taken then
	}
	for _, tc := range []struct {
		name  string
		size  Size
		steps []step
	}{
		{"a reserve at the start", Size{0, 10}, []step{{0, 0, 100}, {0, 0, 0}}},
		{"so many per second", Size{0, 10}, []step{{0, 0, 100}, {time.Second, 0, 9}, {10 * time.Second, 0, 63}}},
		{"a share of the calls", Size{0.2, 0}, []step{{0, 4, 0}, {0, 1, 1}, {0, 100, 20}, {0, 0, 0}}},
		{"both", Size{0.5, 1}, []step{{0, 20, 20}}},
		{"it fades", Size{0.2, 0}, []step{{0, 999, 199}, {time.Hour, 0, 0}}},
		{"so do calls long ago", Size{0.2, 0}, []step{{10 * time.Second, 1000, 126}}},
		{"what is not used is kept a while", Size{0, 10}, []step{{time.Hour, 0, 100}}},
		{"none", Size{}, []step{{time.Hour, 1000, 0}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := New(tc.size, 0)
			var now time.Duration
			for i, s := range tc.steps {
				now += s.after
				b.calls.Add(s.calls)
				got := 0
				for b.Take(now) {
					got++
				}
				if got != s.want {
					t.Errorf("step %d: %d retries, want %d", i, got, s.want)
				}
			}
		})
	}
}

// Whatever comes when, no more is taken out than came in.
func TestBudgetHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := Size{rapid.Float64Range(0, 2).Draw(t, "share"), rapid.IntRange(0, 50).Draw(t, "per second")}
		b := New(size, 0)
		var now time.Duration
		var calls, taken float64
		t.Repeat(map[string]func(*rapid.T){
			"call": func(t *rapid.T) {
				n := rapid.Int64Range(1, 1000).Draw(t, "calls")
				b.calls.Add(n)
				calls += float64(n)
			},
			"wait": func(t *rapid.T) {
				now += time.Duration(rapid.Int64Range(0, int64(20*time.Second)).Draw(t, "wait"))
			},
			"take": func(*rapid.T) {
				for b.Take(now) {
					taken++
				}
			},
			"": func(t *rapid.T) {
				per := float64(size.PerSecond)
				in := size.Share*calls + per*(now+memory).Seconds()
				if taken > math.Ceil(in)+1 {
					t.Fatalf("%v taken of %v", taken, in)
				}
			},
		})
	})
}
