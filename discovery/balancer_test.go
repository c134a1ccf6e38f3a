package discovery

import (
	"math"
	"testing"
)

func TestRingIsChecked(t *testing.T) {
	for _, load := range []float64{1, 0, -1, math.NaN(), math.Inf(1)} {
		if checkPolicy(Ring(load).policy()) == nil {
			t.Errorf("Ring(%v) passes", load)
		}
		if q := ask([]PickOption{Ring(load)}); q.err == nil {
			t.Errorf("Ring(%v) passes as an option", load)
		}
	}
}
