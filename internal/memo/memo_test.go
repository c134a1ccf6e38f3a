package memo

import (
	"fmt"
	"testing"
)

// However many keys come, what they hold is bounded, and those in use stay.
func TestMemoIsBounded(t *testing.T) {
	for _, tc := range []struct{ holds, most int }{
		{maxHeld, minCached + 1}, // as few as always may stay
		{1000, maxHeld / 1000},
		{0, maxHeld / keyHolds},
	} {
		t.Run(fmt.Sprint(tc.holds), func(t *testing.T) {
			var c Memo[int, int]
			made := 0
			get := func(k int) int { return c.Get(k, func() (int, int) { made++; return k, tc.holds }) }
			for i := range 3 * tc.most {
				if get(-1) != -1 || get(i) != i {
					t.Fatal("a wrong value")
				}
				if n := len(c.all()) + len(c.fresh); n > tc.most {
					t.Fatalf("%d keys are remembered, want at most %d", n, tc.most)
				}
			}
			if want := 3*tc.most + 1; made != want {
				t.Errorf("%d values were made, want one for each of %d keys", made, want)
			}
		})
	}
}

// Keys that are in use are found without a lock in the end, and each is made once.
func TestMemoSettles(t *testing.T) {
	var c Memo[int, int]
	made := 0
	const keys = 1000
	for range 12 {
		for k := range keys {
			c.Get(k, func() (int, int) { made++; return k, 1 })
		}
	}
	if made != keys {
		t.Errorf("%d values were made for %d keys", made, keys)
	}
	if n := len(c.all()); n != keys {
		t.Errorf("%d of %d keys are settled", n, keys)
	}
}
