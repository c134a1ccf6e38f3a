package balance

import (
	"fmt"
	"testing"
)

// In a lap of the order, each node has the turns that its weight asks for, and they
// keep their distance.
func TestTurnsAreSmooth(t *testing.T) {
	for _, tc := range []struct {
		weights []float64
		turns   int // of one lap
	}{
		{[]float64{10}, 1},
		{[]float64{10, 10, 10}, 3},
		{[]float64{50, 10, 10}, 7},
		{[]float64{5, 3, 2, 1}, 11},
		{[]float64{10, 0.1}, 101},
		{[]float64{20, 10, 10, 10, 10, 10, 10, 10}, 9},
		{[]float64{7, 11, 13, 17, 19, 23}, 90},
	} {
		t.Run(fmt.Sprint(tc.weights), func(t *testing.T) {
			members := crowd(len(tc.weights), tc.weights...)
			lap := turns(members)
			if len(lap) != tc.turns {
				t.Fatalf("a lap has %d turns, want %d", len(lap), tc.turns)
			}
			total := 0.0
			for _, m := range members {
				total += m.Weight
			}
			last, count := map[uint32]int{}, map[uint32]int{}
			for i, at := range append(lap, lap...) {
				m := members[at]
				distance := total / m.Weight
				if before, ok := last[at]; ok && float64(i-before) > 1.5*distance+1 {
					t.Errorf("%s has to wait %d turns, of weight %v of %v", *m.ID, i-before, m.Weight, total)
				}
				last[at] = i
				count[at]++
			}
			for at, n := range count {
				m := members[at]
				if want := 2 * m.Weight / total * float64(len(lap)); float64(n) < want-1e-6 || float64(n) > want+1e-6 {
					t.Errorf("%s has %d turns in two laps, want %v", *m.ID, n, want)
				}
			}
		})
	}
}

// Five of seven never come in a row: their longest run, around the end of a lap too,
// is three.
func TestTurnsDoNotBunch(t *testing.T) {
	members := crowd(3, 50, 10, 10)
	lap := turns(members)
	run := 0
	for _, m := range append(lap, lap...) {
		run++
		if m != 0 {
			run = 0
		}
		if run > 3 {
			t.Fatal("the heavy one comes over three times in a row")
		}
	}
}

// Weights far apart make no endless order.
func TestTurnsAreBounded(t *testing.T) {
	lap := turns(append(crowd(99, 1), crowd(1, 1<<40)...))
	if len(lap) < 100 || len(lap) > 100*maxTurns+100 {
		t.Errorf("a lap has %d turns", len(lap))
	}
}
