package discovery

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
		size  budgetSize
		steps []step
	}{
		{"a reserve at the start", budgetSize{0, 10}, []step{{0, 0, 100}, {0, 0, 0}}},
		{"so many per second", budgetSize{0, 10}, []step{{0, 0, 100}, {time.Second, 0, 9}, {10 * time.Second, 0, 63}}},
		{"a share of the calls", budgetSize{0.2, 0}, []step{{0, 4, 0}, {0, 1, 1}, {0, 100, 20}, {0, 0, 0}}},
		{"both", budgetSize{0.5, 1}, []step{{0, 20, 20}}},
		{"it fades", budgetSize{0.2, 0}, []step{{0, 999, 199}, {time.Hour, 0, 0}}},
		{"so do calls long ago", budgetSize{0.2, 0}, []step{{10 * time.Second, 1000, 126}}},
		{"what is not used is kept a while", budgetSize{0, 10}, []step{{time.Hour, 0, 100}}},
		{"none", budgetSize{}, []step{{time.Hour, 1000, 0}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var b budget
			b.fill(tc.size, 0)
			var now time.Duration
			for i, s := range tc.steps {
				now += s.after
				b.calls.Add(s.calls)
				got := 0
				for b.take(now) {
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
		size := budgetSize{rapid.Float64Range(0, 2).Draw(t, "share"), rapid.IntRange(0, 50).Draw(t, "per second")}
		var b budget
		b.fill(size, 0)
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
				for b.take(now) {
					taken++
				}
			},
			"": func(t *rapid.T) {
				per := float64(size.perSecond)
				in := size.share*calls + per*(now+budgetMemory).Seconds()
				if taken > math.Ceil(in)+1 {
					t.Fatalf("%v taken of %v", taken, in)
				}
			},
		})
	})
}
