package registry_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// At ten thousand nodes no command of ours holds Redis for over a millisecond:
// neither of a registrar, nor of a watcher that reads all, sees it change, and
// finds crashed nodes that nobody has reaped.
func TestNoCommandIsSlow(t *testing.T) {
	t.Parallel()
	const nodes, crashing, often = 10_000, 1000, 20
	const limit, notable = time.Millisecond, 100 * time.Microsecond
	const slower = 2 // so much slower than others this machine may be
	server := redistest.Start(t, "--slowlog-log-slower-than", fmt.Sprint(notable.Microseconds()), "--slowlog-max-len", "100000")
	r := open(t, at(server), registry.TTL(patience), registry.Interval(patience/3))
	reader := open(t, at(server), registry.PollInterval(300*time.Millisecond))
	shown := func(a *audience, n int) func() error {
		return func() error {
			if got := a.size(); got != n {
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
		b.tenant(fmt.Sprint(i), 3*time.Second).renew()
	}
	eventually(t, patience, func() error {
		if n := desk.count()[registry.Create]; n != crashing {
			return fmt.Errorf("%d nodes have come, want %d", n, crashing)
		}
		return nil
	})
	eventually(t, patience, shown(desk, 0))

	// The largest command of a snapshot, often enough to tell its cost from that
	// of a busy machine.
	for range often {
		server.Client().ZRange(t.Context(), ledgerOf(t, server.Client(), "shop").Index(), 0, -1)
	}
	slow, err := server.Client().SlowLogGet(t.Context(), -1).Result()
	if err != nil || len(slow) == 0 {
		t.Fatal(errors.Join(err, errors.New("nothing was notable")))
	}
	least, most, count := map[string]time.Duration{}, map[string]time.Duration{}, map[string]int{}
	for _, s := range slow {
		shape := shapeOf(s)
		if least[shape] == 0 || s.Duration < least[shape] {
			least[shape] = s.Duration
		}
		most[shape] = max(most[shape], s.Duration)
		count[shape]++
	}
	for shape, n := range count {
		if most[shape] > limit {
			t.Logf("%s: %d over %v, from %v to %v", shape, n, notable, least[shape], most[shape])
		}
		// What is slow by itself is slow each time; else the machine was busy.
		if n >= often && least[shape] > slower*limit {
			t.Errorf("%s takes %v and more, want %v at most", shape, least[shape], limit)
		}
	}
}

// shapeOf tells commands apart by what they cost.
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
