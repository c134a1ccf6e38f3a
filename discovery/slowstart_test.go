package discovery_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-go/rollcall/discovery"
)

// A new node gets more of its share with time; those of the first view have it.
func TestSlowStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource()
		src.set("shop", shop(1, "a", "b"))
		r := resolver(t, src, discovery.SlowStart(10*time.Second), discovery.WithBalancer(discovery.WeightedRandom()))
		share := func() float64 {
			const n = 20_000
			c := picks(t, r, n)
			if c["b"] < 9*c["a"]/10 || c["a"] < 9*c["b"]/10 {
				t.Errorf("of two that were there from the first, one is picked %d times, the other %d", c["a"], c["b"])
			}
			return float64(c["c"]) / (float64(c["a"]+c["b"]) / 2)
		}
		same(t, "before it comes", share(), 0)
		src.set("shop", shop(2, "a", "b", "c"))
		synctest.Wait()
		for _, step := range []struct {
			wait time.Duration
			want float64
		}{{0, 0.1}, {500 * time.Millisecond, 0.1}, {4 * time.Second, 0.5}, {3 * time.Second, 0.8}, {2500 * time.Millisecond, 1}, {time.Hour, 1}} {
			time.Sleep(step.wait)
			if got := share(); got < step.want-0.07 || got > step.want+0.07 {
				t.Errorf("after %v more it has %.2f of a share, want %.2f", step.wait, got, step.want)
			}
		}
	})
}
