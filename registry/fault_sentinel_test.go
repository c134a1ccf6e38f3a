package registry_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// healing is how long writes may take to find a new master.
const healing = 10 * time.Second

// A failover ends no lease that outlasts it; shorter ones come back, and no node
// is taken for dead.
func TestSentinelFailover(t *testing.T) {
	t.Parallel()
	sentinel := redistest.StartSentinel(t)
	tp := redistest.Topology{Name: "sentinel", Addrs: sentinel.Addrs(), MasterName: sentinel.MasterName()}
	var registries []*registry.Redis
	short, long := newStates(), newStates()
	for i := range 3 {
		r := open(t, tp, registry.Timeout(3*time.Second))
		id := fmt.Sprint(i)
		register(t, r, service("short", node(id)), registry.RegisterTTL(time.Second), registry.RegisterInterval(300*time.Millisecond), short.option())
		register(t, r, service("long", node(id)), registry.RegisterTTL(patience), registry.RegisterInterval(time.Second), long.option())
		short.next(t, registry.Live)
		long.next(t, registry.Live)
		registries = append(registries, r)
	}
	ids := []string{"0", "1", "2"}
	lease := storedServiceOf(t, sentinel.Master().Client(), "long").lease("0")

	for i, tc := range []struct {
		name string
		fail func(*redistest.Server)
		mend func(*redistest.Server)
	}{
		{"by command", func(*redistest.Server) { sentinel.Failover() }, func(*redistest.Server) {}},
		{"killed", (*redistest.Server).Kill, func(s *redistest.Server) { s.Restart(false) }},
		{"paused", (*redistest.Server).Pause, (*redistest.Server).Resume},
	} {
		old := sentinel.Master()
		began := time.Now()
		tc.fail(old)
		if tc.name != "by command" {
			sentinel.WaitFailover(old)
		}
		t.Logf("%s: a new master after %v", tc.name, time.Since(began).Round(time.Millisecond))
		master := sentinel.Master()
		changed := node("0")
		changed.Zone = tc.name
		within(t, healing, tc.name+": a write", func() error {
			return registries[0].Register(t.Context(), service("long", changed),
				registry.RegisterTTL(patience), registry.RegisterInterval(time.Second), long.option())
		})
		for _, name := range []string{"short", "long"} {
			within(t, healing, tc.name+": all of "+name, func() error {
				l := storedServiceOf(t, master.Client(), name)
				return errors.Join(l.indexed(ids...), showsOnly(t.Context(), registries[1], name, ids...))
			})
		}
		// The old master may have taken the write, and the failover lost it.
		within(t, healing, tc.name+": the write at the new master", func() error {
			l := storedServiceOf(t, master.Client(), "long")
			if _, rev := l.version(); rev != len(ids)+i+1 || l.lease("0") != lease {
				return fmt.Errorf("rev %d, want %d; lease %s, was %s", rev, len(ids)+i+1, l.lease("0"), lease)
			}
			return nil
		})
		tc.mend(old)
		sentinel.WaitHealthy()
		for _, name := range []string{"short", "long"} {
			if got := storedServiceOf(t, sentinel.Master().Client(), name).expired(); len(got) > 0 {
				t.Errorf("%s: %v of %s were removed, and live", tc.name, got, name)
			}
		}
	}
	long.returned(t) // what the new master had not got
	lost := 0
	for len(short.reports) > 0 {
		if (<-short.reports).state == registry.Lost {
			lost++
		}
	}
	t.Logf("nodes with a TTL of a second were lost %d times in three failovers", lost)
	eventually(t, patience, func() error { return showsOnly(t.Context(), registries[2], "short", ids...) })
}
