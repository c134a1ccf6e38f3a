//go:build load && unix

package registry_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// A registry that only renews is idle. The share of a core in BenchmarkIdle is the
// one to quote.
func TestLoadIdle(t *testing.T) {
	server := redistest.Start(t)
	log := newRounds()
	r := open(t, at(server), registry.TTL(3*time.Second), registry.Interval(time.Second), log.option())
	register(t, r, fleet("shop", 100))
	log.good(t, 1)
	runtime.GC() // what the tests before have left is theirs
	began, before := time.Now(), used(t)
	log.good(t, 3)
	share := float64(used(t)-before) / float64(time.Since(began))
	t.Logf("100 nodes renewed every second: %.2f %% of a core", 100*share)
	if share > 0.01 {
		t.Errorf("%.1f %% of a core for 100 idle nodes, want under 1 %%", 100*share)
	}
}
