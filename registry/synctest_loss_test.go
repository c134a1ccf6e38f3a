package registry_test

import (
	"math/rand/v2"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// What Redis forgets is back within an interval; where Redis was away with it, within
// an interval and the second that go-redis takes to see that a server is back.
func TestForgottenIsBack(t *testing.T) {
	inSimulation(t, func(b *simulation) {
		const nodes = 5 // in one call: the pipes of a simulation have no room for the replies of several
		register(b.t, b.Redis, fleet("shop", nodes))
		for _, tc := range []struct {
			what    string
			forget  func()
			promise time.Duration
		}{
			{"flush", b.server.FlushAll, defaultInterval},
			{"empty restart", func() {
				b.link.set(true)
				b.server.FlushAll()
				time.Sleep(rand.N(time.Minute))
				b.link.set(false)
			}, defaultInterval + time.Second},
		} {
			var longest time.Duration
			for range 20 {
				time.Sleep(rand.N(2 * defaultInterval))
				tc.forget()
				forgotten := time.Now()
				for {
					members, err := b.server.ZMembers("rollcall:{default/shop}:index")
					if err == nil && len(members) == nodes {
						break
					}
					if time.Since(forgotten) > time.Minute {
						b.t.Fatalf("%s: %d nodes are back after a minute, %v", tc.what, len(members), err)
					}
					time.Sleep(time.Millisecond)
				}
				longest = max(longest, time.Since(forgotten))
			}
			b.t.Logf("%s: all nodes are back within %v", tc.what, longest)
			if longest > tc.promise {
				b.t.Errorf("%s: all nodes are back after %v, promised %v", tc.what, longest, tc.promise)
			}
		}
	})
}

// A reaper with a short TTL takes no node for dead that has a longer one, and was kept
// from renewing by what kept the reaper from looking.
func TestReaperSparesLongerLeases(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server, o := redistest.Synctest(t)
		reaper := join(t, server, o)
		all := []*simulation{reaper}
		for i := range 10 {
			b := join(t, server, o)
			register(t, b.Redis, service("shop", node(strconv.Itoa(i))), registry.RegisterInterval(defaultTTL/2))
			all = append(all, b)
		}
		register(t, reaper.Redis, service("shop", node("short")), registry.RegisterTTL(time.Second))
		for range 10 {
			time.Sleep(time.Minute)
			for _, b := range all {
				b.link.set(true)
			}
			time.Sleep(40 * time.Second)
			for _, b := range all {
				b.link.set(false)
			}
		}
		time.Sleep(time.Minute)
		for _, b := range all {
			if reaps, _ := take[registry.ReapEvent](b); len(reaps) > 0 {
				t.Errorf("reaped %+v, and all are alive", reaps)
			}
		}
	})
}
