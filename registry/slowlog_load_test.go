//go:build load

package registry_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// What large services cost Redis, by its own measure: that is logged, and what the
// calls do is tested.
func TestLoadSlowLog(t *testing.T) {
	server := redistest.Start(t, "--slowlog-log-slower-than", "1000", "--slowlog-max-len", "10000")
	log := newRounds()
	r := open(t, at(server), registry.TTL(time.Hour), registry.Interval(time.Second), log.option(), registry.Timeout(patience))
	shop, large := storedServiceOf(t, server.Client(), "shop"), storedServiceOf(t, server.Client(), "large")
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

// At ten thousand nodes no command of ours holds Redis for much longer than the
// reading of a list of as many ids, which takes half a millisecond where nothing
// else runs: neither of a registrar, nor of a watcher that reads all, sees it change,
// and finds crashed nodes that no registry has reaped. The yardstick is read all the while:
// a machine that is busy, or slow, is so for both.
func TestLoadNoCommandIsSlow(t *testing.T) {
	const nodes, crashing, often = 10_000, 1000, 20
	const notable, longer = 100 * time.Microsecond, 5
	server := redistest.Start(t, "--slowlog-log-slower-than", fmt.Sprint(notable.Microseconds()), "--slowlog-max-len", "100000")
	yardstick := measuring(t, server, nodes)
	r := open(t, at(server), registry.TTL(patience), registry.Interval(patience/3))
	reader := open(t, at(server), registry.PollInterval(300*time.Millisecond))
	shown := func(a *recorder, n int) func() error {
		return func() error {
			if got := len(a.present()); got != n {
				return fmt.Errorf("%d nodes are shown, want %d", got, n)
			}
			return nil
		}
	}
	all := fleetOf("shop", nodes)
	register(t, r, all)
	a := watch(t, reader, registry.WatchService("shop"))
	eventually(t, patience, shown(a, nodes))
	for _, n := range all.Nodes[:5000] {
		n.Zone = "changed"
	}
	register(t, r, service("shop", all.Nodes[:5000]...))
	deregister(t, r, service("shop", all.Nodes[:2500]...))
	eventually(t, patience, shown(a, nodes-2500))
	register(t, r, all)
	eventually(t, patience, shown(a, nodes))

	// A service whose nodes have all crashed, for its readers to find.
	b := behind(t, at(server), "desk")
	desk := watch(t, reader, registry.WatchService("desk"))
	for i := range crashing {
		b.manualNode(fmt.Sprint(i), 3*time.Second).renew()
	}
	eventually(t, patience, func() error {
		if n := desk.count()[registry.Create]; n != crashing {
			return fmt.Errorf("%d nodes have come, want %d", n, crashing)
		}
		return nil
	})
	eventually(t, patience, shown(desk, 0))

	slow, err := server.Client().SlowLogGet(t.Context(), -1).Result()
	if err != nil {
		t.Fatal(err)
	}
	byShape := map[string][]redis.SlowLog{}
	for _, s := range slow {
		byShape[shapeOf(s)] = append(byShape[shapeOf(s)], s)
	}
	measures := byShape[yardstick]
	if len(measures) < often {
		t.Fatalf("the yardstick was read %d times only", len(measures))
	}
	for shape, all := range byShape {
		if shape == yardstick || len(all) < often {
			continue // what is slow by itself is slow each time
		}
		least := slices.MinFunc(all, func(a, b redis.SlowLog) int { return cmp.Compare(a.Duration, b.Duration) }).Duration
		usual := median(meanwhile(measures, all))
		t.Logf("%s: %d over %v, from %v; the yardstick meanwhile: %v", shape, len(all), notable, least, usual)
		if least > longer*usual {
			t.Errorf("%s takes %v and more, want at most %d times the %v of the yardstick", shape, least, longer, usual)
		}
	}
}

// measuring has a list of so many ids read until the test is over. It returns the
// shape of that command.
func measuring(t *testing.T, server *redistest.Server, ids int) (shape string) {
	t.Helper()
	const key = "yardstick"
	members := make([]redis.Z, ids)
	for i := range members {
		members[i] = redis.Z{Score: float64(i), Member: fmt.Sprintf("shop-%05d", i)}
	}
	if err := server.Client().ZAdd(t.Context(), key, members...).Err(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var reading sync.WaitGroup
	reading.Go(func() {
		ticker := time.NewTicker(10 * time.Millisecond)
		defer ticker.Stop()
		for ctx.Err() == nil {
			server.Client().ZRange(ctx, key, 0, -1)
			<-ticker.C
		}
	})
	t.Cleanup(func() {
		stop()
		reading.Wait()
	})
	return "zrange " + key + " 0 -1"
}

// meanwhile are the measures from the seconds in which others were taken, or all
// where there are none.
func meanwhile(measures, others []redis.SlowLog) []redis.SlowLog {
	seconds := map[int64]bool{}
	for _, o := range others {
		seconds[o.Time.Unix()] = true
	}
	var then []redis.SlowLog
	for _, m := range measures {
		if seconds[m.Time.Unix()] {
			then = append(then, m)
		}
	}
	if len(then) == 0 {
		return measures
	}
	return then
}

func median(all []redis.SlowLog) time.Duration {
	return slices.SortedFunc(slices.Values(all), func(a, b redis.SlowLog) int {
		return cmp.Compare(a.Duration, b.Duration)
	})[len(all)/2].Duration
}

// shapeOf groups commands by what they cost.
func shapeOf(s redis.SlowLog) string {
	command := strings.ToLower(s.Args[0])
	switch command {
	case "zrange":
		return strings.Join(append([]string{command}, s.Args[1:]...), " ")
	case "eval", "evalsha":
		return fmt.Sprintf("%s of %s keys", command, s.Args[2])
	}
	return command
}
