//go:build unix

package registry_test

import (
	"cmp"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// fleet builds a service of n nodes with records of a usual size.
func fleet(name string, n int) *registry.Service {
	s := service(name)
	s.Version = "v1.2.3"
	s.Metadata = map[string]string{"team": "checkout", "repository": "git.example.com/checkout/" + name}
	for i := range n {
		id := fmt.Sprintf("%s-%05d", name, i)
		s.Nodes = append(s.Nodes, &registry.Node{
			ID: id, Address: fmt.Sprintf("10.%d.%d.%d:8080", i>>16, i>>8&255, i&255), Zone: "eu-west-1a",
			Metadata: map[string]string{"pod": id + "-6f8d9c7b5d-x2x9z", "commit": "2f1d7c1b", "started": "2026-11-21T01:38:01Z"},
		})
	}
	return s
}

// A thousand nodes of a service are renewed in ten calls an interval, whoever
// counts. Where the machine lets a round fail there are more, of nodes that are tried
// again: such rounds say nothing.
func TestThousandNodesTenCalls(t *testing.T) {
	t.Parallel()
	const interval, rounds = time.Second, 3
	server := redistest.Start(t)
	log := newRounds()
	r := open(t, at(server), registry.TTL(patience), registry.Interval(interval), log.option())
	s := fleet("shop", 1000)
	for chunk := range slices.Chunk(s.Nodes, 250) { // in several calls, as it may come
		part := *s
		part.Nodes = chunk
		register(t, r, &part)
	}
	log.good(t, 2)
	eventually(t, patience, func() error {
		before := scriptCalls(t, server)
		nodes, calls := 0, 0
		var failed error
		log.wait(t, rounds, func(e registry.RenewEvent) bool {
			nodes, calls, failed = nodes+e.Nodes, calls+e.Calls, cmp.Or(failed, e.Err)
			return true
		})
		if failed != nil {
			return failed
		}
		sent := scriptCalls(t, server) - before
		t.Logf("%d rounds: %d nodes in %d calls, %d by Redis's count", rounds, nodes, calls, sent)
		if nodes != 1000*rounds {
			t.Errorf("%d nodes were renewed, want %d", nodes, 1000*rounds)
		}
		if calls > 10*rounds || sent > 10*rounds {
			t.Errorf("%d calls, %d by Redis's count; want at most %d", calls, sent, 10*rounds)
		}
		return nil
	})
}

// Many services of one process come back from a flush together, and leave
// together.
func TestManyServices(t *testing.T) {
	t.Parallel()
	const services, interval = 2000, 3 * time.Second
	server := redistest.Start(t)
	r := open(t, at(server), registry.Interval(interval))
	var registering sync.WaitGroup
	began := time.Now()
	for w := range 8 {
		registering.Go(func() {
			for i := w; i < services; i += 8 {
				if err := r.Register(t.Context(), fleet(fmt.Sprint("shop-", i), 1)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	registering.Wait()
	t.Logf("%d services registered in %v", services, time.Since(began).Round(time.Millisecond))

	keys, err := server.Client().DBSize(t.Context()).Result()
	if err != nil || keys < 4*services {
		t.Fatalf("%d keys, %v", keys, err)
	}
	server.Flush()
	within(t, interval+time.Second, "all keys back", func() error {
		got, err := server.Client().DBSize(t.Context()).Result()
		if err == nil && got != keys {
			err = fmt.Errorf("%d keys, want %d", got, keys)
		}
		return err
	})
	began = time.Now()
	if all, err := r.ListServices(t.Context()); err != nil || len(all) != services {
		t.Errorf("%d services, %v", len(all), err)
	}
	t.Logf("all services listed in %v", time.Since(began).Round(time.Millisecond))

	began = time.Now()
	if err := r.Close(t.Context()); err != nil {
		t.Error(err)
	}
	bounded(t, began, time.Second, "Close")
	if all, err := open(t, at(server)).ListServices(t.Context()); err != nil || len(all) > 0 {
		t.Errorf("after Close: %d services, %v", len(all), err)
	}
}

// used returns the processor time that this process has used.
func used(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// A registry that only renews is idle, even with the race detector, which multiplies
// what it uses: the share of a core in BenchmarkIdle is the one to quote.
func TestIdle(t *testing.T) {
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

// What large services cost Redis, by its own measure. How long a call may hold
// it, a busy machine cannot tell: that is logged, and what the calls do is tested.
func TestSlowLog(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--slowlog-log-slower-than", "1000", "--slowlog-max-len", "10000")
	log := newRounds()
	r := open(t, at(server), registry.TTL(time.Hour), registry.Interval(time.Second), log.option(), registry.Timeout(patience))
	shop, large := ledgerOf(t, server.Client(), "shop"), ledgerOf(t, server.Client(), "large")
	for _, step := range []struct {
		what string
		do   func() error
	}{
		{"register 1,000 nodes", func() error { return r.Register(t.Context(), fleet("shop", 1000)) }},
		{"renew 1,000 nodes, 3 times", func() error { log.good(t, 3); return nil }},
		{"deregister 1,000 nodes", func() error {
			return errors.Join(r.Deregister(t.Context(), service("shop")), shop.indexed())
		}},
		{"register 10,000 nodes", func() error {
			return r.Register(t.Context(), fleet("large", 10_000), registry.RegisterManual(), registry.RegisterTTL(time.Hour))
		}},
		{"read 10,000 nodes, 10 times", func() error {
			for range 10 {
				services, err := r.GetService(t.Context(), "large")
				if err != nil || len(services[0].Nodes) != 10_000 {
					return fmt.Errorf("not 10,000 nodes: %w", err)
				}
			}
			return nil
		}},
		{"deregister 10,000 nodes", func() error {
			return errors.Join(r.Deregister(t.Context(), service("large")), large.indexed())
		}},
	} {
		if err := errors.Join(server.Client().SlowLogReset(t.Context()).Err(), step.do()); err != nil {
			t.Fatalf("%s: %v", step.what, err)
		}
		entries, err := server.Client().SlowLogGet(t.Context(), -1).Result()
		if err != nil {
			t.Fatal(err)
		}
		took := map[string][]time.Duration{}
		for _, e := range entries {
			took[e.Args[0]] = append(took[e.Args[0]], e.Duration)
		}
		t.Logf("%s: %d commands over a millisecond", step.what, len(entries))
		for name, all := range took {
			slices.Sort(all)
			t.Logf("    %d %s: median %v, longest %v", len(all), name, all[len(all)/2], all[len(all)-1])
		}
	}
}
