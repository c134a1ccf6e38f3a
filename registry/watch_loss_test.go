package registry_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// What Redis loses is no news to a watcher: no Delete of a node that comes back.
// Only a node that crashed is deleted, within a TTL and a second.
func TestWatchOverLoss(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		lose func(t *testing.T, s *redistest.Server, l storedService)
	}{
		{"flush", func(_ *testing.T, s *redistest.Server, _ storedService) { s.Flush() }},
		{"two flushes", func(t *testing.T, s *redistest.Server, l storedService) {
			s.Flush()
			eventually(t, patience, func() error {
				if _, rev := l.version(); rev == 0 {
					return errors.New("no node has come back")
				}
				return nil
			})
			s.Flush()
		}},
		{"empty restart", func(_ *testing.T, s *redistest.Server, _ storedService) {
			s.Kill()
			s.Restart(false)
		}},
		{"index deleted", deleting(storedService.Index)},
		{"version deleted", deleting(storedService.Version)},
		{"log deleted", deleting(storedService.Log)},
		{"version and index deleted", func(t *testing.T, s *redistest.Server, l storedService) {
			deleting(storedService.Version)(t, s, l)
			deleting(storedService.Index)(t, s, l)
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			const nodes, ttl, interval, poll = 200, 4 * time.Second, time.Second, 500 * time.Millisecond
			server := redistest.Start(t)
			r := open(t, at(server), registry.TTL(ttl), registry.Interval(interval))
			l := storedServiceOf(t, server.Client(), "shop")
			register(t, r, fleetOf("shop", nodes))
			dead := behind(t, at(server), "shop").manualNode("dead", ttl)
			dead.renew()
			reader := open(t, at(server), registry.PollInterval(poll))
			a, all := watch(t, reader, registry.WatchService("shop")), watch(t, reader, registry.WatchNamespace("*"))
			eventually(t, patience, func() error {
				return errors.Join(a.equals(t.Context(), r, "shop"), all.equals(t.Context(), r, "shop"))
			})
			dead.renew()
			epoch, rev := l.version()
			tc.lose(t, server, l)
			lost := time.Now()
			since(t, lost, interval+time.Second, "all are back", func() error {
				ends, err := l.c.ZCard(t.Context(), l.Index()).Result()
				if err == nil && ends < nodes {
					err = fmt.Errorf("%d of %d nodes are back", ends, nodes)
				}
				return err
			})
			register(t, r, service("shop", node("end")))
			eventually(t, patience, func() error {
				if a.node("end") == nil {
					return errors.New("a change is not reported")
				}
				return nil
			})
			since(t, lost, ttl+time.Second, "who does not come back is gone", func() error {
				if a.node("dead") != nil || all.node("dead") != nil {
					return errors.New("dead is shown")
				}
				return nil
			})
			since(t, lost, ttl+2*time.Second, "as Redis has it", func() error {
				return errors.Join(a.equals(t.Context(), r, "shop"), all.equals(t.Context(), r, "shop"))
			})
			for _, a := range []*recorder{a, all} {
				if d := cmp.Diff([]string{"dead"}, a.deleted()); d != "" {
					t.Errorf("deleted (-want +got):\n%s", d)
				}
			}
			e, n := l.version()
			t.Logf("epoch %s, rev %d; then %s, %d; results %v in %d snapshots", epoch, rev, e, n, a.count(), snapshots(t, server))
		})
	}
}

func fleetOf(name string, n int) *registry.Service {
	s := service(name)
	for i := range n {
		s.Nodes = append(s.Nodes, node(fmt.Sprint(i)))
	}
	return s
}

// deleting removes one key by hand.
func deleting(key func(storedService) string) func(*testing.T, *redistest.Server, storedService) {
	return func(t *testing.T, _ *redistest.Server, l storedService) {
		if n := l.c.Del(t.Context(), key(l)).Val(); n != 1 {
			t.Fatalf("%d keys deleted", n)
		}
	}
}

// A few members that are taken from the index or added to it by hand are noticed.
func TestWatchOverTamperedIndex(t *testing.T) {
	t.Parallel()
	const poll = 300 * time.Millisecond
	server := redistest.Start(t)
	r := open(t, at(server), registry.TTL(3*time.Hour), registry.Interval(time.Hour)) // whose next renewal, which mends it, is far away
	reader := open(t, at(server), registry.PollInterval(poll))
	a := watch(t, reader, registry.WatchService("shop"))
	register(t, r, fleetOf("shop", 3))
	a.expect("create /0", "create /1", "create /2")
	l := storedServiceOf(t, server.Client(), "shop")
	f := follow(t, reader, "shop")
	server.Client().ZRem(t.Context(), l.Index(), "1")
	// Shown as held, it was missed by a reading that is over, and sees no ghost.
	untilView(t, f, func(v *registry.View) bool { return slices.Equal(v.Held, []string{"1"}) })
	before := snapshots(t, server)
	server.Client().ZAdd(t.Context(), l.Index(), redis.Z{Score: 1e13, Member: "ghost"})
	within(t, poll, "the foreign member is noticed", func() error {
		if snapshots(t, server) == before {
			return errors.New("not read again")
		}
		return nil
	})
	register(t, r, fleetOf("shop", 3)) // as a renewal would
	if err := l.indexed("0", "1", "2", "ghost"); err != nil {
		t.Error(err)
	}
	register(t, r, service("shop", node("end")))
	a.expect("create /end")
}

// A Redis that was paused for longer than all TTLs has let all leases run
// out. Nodes that come back are not deleted; nodes that do not come back are.
func TestWatchOverPause(t *testing.T) {
	t.Parallel()
	const ttl, interval = 6 * time.Second, time.Second // a busy machine may need some rounds to come back
	server := redistest.Start(t)
	b := behind(t, at(server), "shop")
	dead := b.manualNode("dead", ttl)
	dead.renew()
	a := watch(t, open(t, at(server), registry.PollInterval(500*time.Millisecond)), registry.WatchService("shop"))
	a.expect("create /dead")
	var live []*states
	want := []string{}
	for i := range 6 {
		s := newStates()
		r := open(t, at(server), registry.TTL(ttl), registry.Interval(interval))
		register(t, r, service("shop", node(fmt.Sprint("live-", i))), s.option())
		s.next(t, registry.Live)
		live, want = append(live, s), append(want, fmt.Sprint("/live-", i))
	}
	dead.settled(ttl) // the watcher could check leases by now
	server.Pause()
	for _, s := range live {
		s.next(t, registry.Lost)
	}
	server.Resume()
	resumed := time.Now()
	since(t, resumed, ttl/2+time.Second+ttl, "the dead one is gone", func() error { return a.shows(want...) })
	for _, s := range live {
		s.next(t, registry.Live)
	}
	if d := cmp.Diff([]string{"dead"}, a.deleted()); d != "" {
		t.Errorf("deleted (-want +got):\n%s", d)
	}
}
