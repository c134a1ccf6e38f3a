package replica

import (
	"flag"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"
)

var (
	seedFlag = flag.Uint64("replica.seed", 0, "make one run of the model, with this seed, and print its trace")
	runsFlag = flag.Uint64("replica.runs", 1000, "how many runs of the model to make")
	ruleFlag = flag.String("replica.rule", "", "make the run of -replica.seed in the scenario of this rule, without it")
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestModel holds the promises against many runs. A run that breaks one is made
// once more, with each step printed.
func TestModel(t *testing.T) {
	seed := *seedFlag
	switch {
	case *ruleFlag != "":
		return
	case seed == 0:
		seed = search(1, *runsFlag, func(seed uint64) bool { return newWorld(seed, 0, anyPlan).play() != nil })
	}
	if seed != 0 {
		show(t, seed, 0, anyPlan)
	}
}

// search tries some seeds until one is what is looked for, and returns the lowest
// of these, or 0.
func search(first, runs uint64, is func(seed uint64) bool) uint64 {
	defer debug.SetGCPercent(debug.SetGCPercent(800)) // runs are short and leave all behind
	none := first + runs
	var next, found atomic.Uint64
	next.Store(first - 1)
	found.Store(none)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for seed := next.Add(1); seed < found.Load(); seed = next.Add(1) {
				if !is(seed) {
					continue
				}
				for low := found.Load(); seed < low && !found.CompareAndSwap(low, seed); low = found.Load() {
				}
			}
		})
	}
	wg.Wait()
	if seed := found.Load(); seed < none {
		return seed
	}
	return 0
}

// show makes one run and prints what happened in it.
func show(t *testing.T, seed uint64, off rule, draw func(*rand.Rand) plan) {
	t.Helper()
	w := newWorld(seed, off, draw)
	w.tracing = true
	v := w.play()
	const last = 300
	t.Logf("plan %+v\n%s", newWorld(seed, off, draw).plan, strings.Join(w.trace[max(0, len(w.trace)-last):], "\n"))
	if v != nil {
		t.Errorf("seed %d: %v\nrepeat it: go test ./internal/replica -run Test -replica.seed=%d -replica.rule=%q", seed, v, seed, *ruleFlag)
	}
}
