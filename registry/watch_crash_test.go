package registry_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

var watchingCrashes = []testCase{
	{"a crash is found by the watcher alone", watchFindsCrash},
	{"a crash is reaped and reported", watchReportsReaped},
	{"many crash at once, and only the watcher is left", watchFindsMassCrash},
}

// contactNeeded is how long a reader must be in contact before it checks leases of
// this TTL.
func contactNeeded(ttl time.Duration) time.Duration { return ttl/2 + time.Second }

// settled lives until a reader that began to watch may check leases.
func (n *manualNode) settled(ttl time.Duration) { n.live(contactNeeded(ttl) + 500*time.Millisecond) }

func watchFindsCrash(t *testing.T, tp redistest.Topology) {
	const ttl = 2 * time.Second
	b := behind(t, tp, "shop")
	a := watch(t, open(t, tp), registry.WatchService("shop"))
	crashing, living := b.manualNode("crashing", ttl), b.manualNode("living", ttl)
	crashing.renew()
	a.expect("create /crashing")
	crashing.settled(ttl)
	living.renew()
	a.expect("create /living")
	crashing.renew()
	crashed := time.Now()
	within(t, ttl+time.Second, "crash to gone", func() error {
		living.renew()
		return a.shows("/living")
	})
	if took := time.Since(crashed); took < ttl {
		t.Errorf("gone %v after its last sign of life, with a TTL of %v", took, ttl)
	}
	a.expect("delete /crashing")
	if b.end("crashing") == 0 {
		t.Error("another registry has reaped it")
	}
	// It stays gone over a snapshot, and comes back when it registers again.
	again := watch(t, open(t, tp), registry.WatchService("shop"))
	again.expect("create /living")
	crashing.renew()
	a.expect("create /crashing")
	again.expect("create /crashing")
}

func watchReportsReaped(t *testing.T, tp redistest.Topology) {
	const ttl = 2 * time.Second
	b := behind(t, tp, "shop")
	register(t, open(t, tp, registry.TTL(ttl)), service("shop", node("reaper")))
	a := watch(t, open(t, tp), registry.WatchService("shop"))
	a.expect("create /reaper")
	crashing := b.manualNode("crashing", ttl)
	crashing.renew()
	a.expect("create /crashing")
	crashing.settled(ttl)
	within(t, ttl+time.Second, "crash to gone", func() error { return a.shows("/reaper") })
	a.expect("delete /crashing")
	register(t, open(t, tp), service("shop", node("end")))
	a.expect("create /end")
	eventually(t, patience, func() error {
		if d := cmp.Diff([]string{"crashing"}, storedServiceOf(t, b.client, "shop").expired()); d != "" {
			return errDiff(d)
		}
		return nil
	})
}

// More nodes than a poll looks at run out together.
func watchFindsMassCrash(t *testing.T, tp redistest.Topology) {
	const nodes, ttl = 150, 2 * time.Second
	b := behind(t, tp, "shop")
	living := b.manualNode("living", ttl)
	living.renew()
	a := watch(t, open(t, tp), registry.WatchService("shop"))
	a.expect("create /living")
	living.settled(ttl)
	for i := range nodes { // the first may be gone before the last has come
		b.manualNode(fmt.Sprint(i), ttl).renew()
		living.renew()
	}
	eventually(t, patience, func() error {
		living.renew()
		if got := a.count()[registry.Create]; got != nodes+1 {
			return fmt.Errorf("%d nodes have come, want %d", got, nodes+1)
		}
		return nil
	})
	within(t, ttl+time.Second, "crash of all to gone", func() error {
		living.renew()
		return a.shows("/living")
	})
	// Those that ran out still lead the index; who runs out later is found too.
	late := b.manualNode("late", ttl)
	late.renew()
	within(t, ttl+time.Second, "a later crash to gone", func() error {
		living.renew()
		if a.count()[registry.Create] != nodes+2 {
			return fmt.Errorf("late has not come")
		}
		return a.shows("/living")
	})
}
