package views

import "testing"

// However many keys come, no more than maxCached are remembered, and those in use stay.
func TestCacheIsBounded(t *testing.T) {
	var c cache[int, int]
	hot := 0
	get := func(k int) int { return c.get(k, func() int { hot++; return k }) }
	for i := range 10 * maxCached {
		if get(-1) != -1 || get(i) != i {
			t.Fatal("a wrong value")
		}
	}
	if n := len(*c.made.Load()); n != maxCached {
		t.Errorf("%d keys are remembered, want %d", n, maxCached)
	}
	if hot != 10*maxCached+1 {
		t.Errorf("%d values were made, want one for each of %d keys", hot, 10*maxCached+1)
	}
}
