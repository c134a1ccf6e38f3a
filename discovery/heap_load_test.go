//go:build load

package discovery_test

import (
	"testing"
	"time"
)

// A thousand services of ten nodes each are little to remember.
func TestLoadHeapOfAThousandServices(t *testing.T) {
	const most = 20e6 // bytes
	servicesOfTenNodes(t, 1000, func(used func() int64) {
		least := used()
		for deadline := time.Now().Add(10 * time.Second); least > most && time.Now().Before(deadline); {
			<-time.After(100 * time.Millisecond) // calls to Redis under way take memory, too
			least = min(least, used())
		}
		t.Logf("they take %.1f MB", float64(least)/1e6)
		if least > most {
			t.Errorf("%d bytes of heap, want at most %d", least, int64(most))
		}
	})
}
