package registry_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// onEach returns the name of a service for each master of a cluster, that of the
// first first.
func onEach(t *testing.T, c *redistest.Cluster) (names []string) {
	t.Helper()
	for _, m := range c.Masters() {
		for i := 0; ; i++ {
			name := fmt.Sprint("shop-", i)
			if c.MasterFor(space(t).Service("default", name).Index()) == m {
				names = append(names, name)
				break
			}
		}
	}
	return names
}

// When a master dies, its services are back soon after a replica has taken over,
// and the services of other masters notice nothing.
func TestClusterMasterDies(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t)
	tp := redistest.Topology{Name: "cluster", Addrs: cluster.Addrs(), Cluster: true}
	names := onEach(t, cluster)
	r := open(t, tp, registry.TTL(registry.DefaultTTL), registry.Interval(registry.DefaultTTL/3), registry.Timeout(3*time.Second))
	client := tp.NewClient(t)
	// A client of the caller's own looks for a new master only when the registry asks it to.
	sharing := open(t, tp, registry.Client(tp.NewClient(t)), registry.TTL(3*time.Second), registry.Interval(time.Second), registry.Timeout(3*time.Second))
	ids := []string{"a", "b", "shared"}
	for _, tc := range []struct {
		name string
		fail func(*redistest.Server)
		mend func(*redistest.Server)
	}{
		{"killed", (*redistest.Server).Kill, func(s *redistest.Server) { s.Restart(false) }},
		{"paused", (*redistest.Server).Pause, (*redistest.Server).Resume},
	} {
		var seen []*states
		var leases []string
		for i, name := range names {
			s := newStates()
			opts := []registry.RegisterOption{s.option()}
			if i > 0 { // have no time to wait for a round that takes ten seconds
				opts = append(opts, registry.RegisterTTL(8*time.Second), registry.RegisterInterval(500*time.Millisecond))
			}
			register(t, r, service(name, node("a"), node("b")), opts...)
			seen, leases = append(seen, s), append(leases, storedServiceOf(t, client, name).lease("a"))
		}
		register(t, sharing, service(names[0], node("shared")))
		old := cluster.MasterFor(space(t).Service("default", names[0]).Index())
		began := time.Now()
		tc.fail(old)
		// A round that goes to the dead master alone, and may take ten seconds.
		ids = append(ids, tc.name)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		err := r.Register(ctx, service(names[0], node(tc.name)), registry.RegisterRetry(),
			registry.RegisterTTL(patience), registry.RegisterInterval(patience/3))
		cancel()
		if err != nil {
			t.Errorf("%s: Register with RegisterRetry: %v", tc.name, err)
		}
		cluster.WaitFailover(old)
		t.Logf("%s: a new master after %v", tc.name, time.Since(began).Round(time.Millisecond))
		changed := node("a")
		changed.Zone = tc.name
		within(t, healing, tc.name+": a write to the new master", func() error {
			return r.Register(t.Context(), service(names[0], changed))
		})
		within(t, healing, tc.name+": all nodes of the new master", func() error {
			return showsOnly(t.Context(), r, names[0], ids...)
		})
		for i, name := range names[1:] {
			if got := storedServiceOf(t, client, name).lease("a"); got != leases[i+1] {
				t.Errorf("%s: the lease of %s was %s and is %s", tc.name, name, leases[i+1], got)
			}
			for len(seen[i+1].reports) > 0 {
				if got := <-seen[i+1].reports; got.state != registry.Live {
					t.Errorf("%s: %s, which another master has, is %v: %v", tc.name, name, got.state, got.err)
				}
			}
		}
		tc.mend(old)
		cluster.WaitHealthy()
		for _, name := range names {
			l := storedServiceOf(t, client, name)
			if got := l.expired(); len(got) > 0 {
				t.Errorf("%s: %v of %s were removed, and live", tc.name, got, name)
			}
		}
	}
}

// Who only reads the lists finds their new master, too.
func TestClusterMasterOfListsDies(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t)
	tp := redistest.Topology{Name: "cluster", Addrs: cluster.Addrs(), Cluster: true}
	register(t, open(t, tp), service("shop", node("a")), registry.RegisterTTL(2*patience), registry.RegisterInterval(patience))
	for _, tc := range []struct{ key, namespace string }{
		{space(t).Services("default"), ""},
		{space(t).Namespaces(), "*"},
	} {
		// A client of the caller's own looks for a new master only when the registry asks it to.
		r := open(t, tp, registry.Client(tp.NewClient(t)), registry.Timeout(2*time.Second))
		wantList(t, r, tc.namespace, "default/shop/")
		old := cluster.MasterFor(tc.key)
		old.Kill()
		cluster.WaitFailover(old)
		within(t, healing, tc.key+" is read from the new master", func() error {
			services, err := r.ListServices(t.Context(), registry.ListNamespace(tc.namespace))
			if err == nil && len(services) == 0 {
				err = errors.New("nothing is listed")
			}
			return err
		})
		old.Restart(false)
		cluster.WaitHealthy()
	}
}

// While a slot moves, leases live by their hashes alone; when it has moved, the
// index is whole again.
func TestSlotMoves(t *testing.T) {
	t.Parallel()
	const ttl, interval = 6 * time.Second, 3 * time.Second // leaves a round time for several redirections
	cluster := redistest.StartCluster(t)
	tp := redistest.Topology{Name: "cluster", Addrs: cluster.Addrs(), Cluster: true}
	log, seen := newRounds(), newStates()
	r := open(t, tp, registry.TTL(ttl), registry.Interval(interval), registry.Timeout(3*time.Second), log.option())
	register(t, r, service("shop", node("a"), node("b"), node("c")), seen.option())
	seen.next(t, registry.Live)
	shop := storedServiceOf(t, tp.NewClient(t), "shop")
	lease := shop.lease("a")
	_, rev := shop.version()

	m := cluster.Migrate(shop.Index())
	m.Move(shop.Node("a"), shop.Node("b"))
	moving := time.Now()
	for time.Since(moving) < ttl+interval {
		log.good(t, 1)
	}
	if err := showsOnly(t.Context(), r, "shop", "a", "b", "c"); err != nil {
		t.Errorf("a TTL into the move: %v", err)
	}
	m.Finish()
	within(t, ttl, "the index is whole after the move", func() error {
		ends, err := shop.c.ZRangeWithScores(t.Context(), shop.Index(), 0, -1).Result()
		if err != nil {
			return err
		}
		for _, end := range ends {
			if time.UnixMilli(int64(end.Score)).Before(time.Now()) {
				return fmt.Errorf("it says that %v ran out", end.Member)
			}
		}
		return shop.indexed("a", "b", "c")
	})
	log.good(t, 2)
	if _, got := shop.version(); got != rev || shop.lease("a") != lease {
		t.Errorf("rev %d and lease %s, then %d and %s: %v", rev, lease, got, shop.lease("a"), shop.changes())
	}
	seen.none(t)
}
