package discovery

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
		l = l.after(float64(time.Millisecond), time.Second, good)
	}
	if !(l.average > 0) || math.IsInf(l.average, 0) {
		t.Errorf("the average is %v", l.average)
	}
}
