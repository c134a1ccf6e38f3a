package registry_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// snapshots returns how many snapshots a server has served so far: nothing else
// reads the log.
func snapshots(t *testing.T, s *redistest.Server) int {
	t.Helper()
	return calls(t, s, "lrange")
}

// calls returns how often a command was called.
func calls(t *testing.T, s *redistest.Server, command string) (n int) {
	t.Helper()
	info, err := s.Client().Info(t.Context(), "commandstats").Result()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(info) {
		if _, err := fmt.Sscanf(line, "cmdstat_"+command+":calls=%d,", &n); err == nil {
			return n
		}
	}
	return 0
}

// A thousand changes a second, and a watcher that is cut off every second.
func TestWatcherCutEverySecond(t *testing.T) {
	t.Parallel()
	const batch, batches, seconds = 50, 20, 10 // of changes, a second, and of them
	server := redistest.Start(t)
	proxy := redistest.StartProxy(t, server.Addr())
	r := open(t, at(server))
	a := watch(t, open(t, at(proxy), registry.PollInterval(time.Second)), registry.WatchService("shop"))
	began, changes := time.Now(), 0
	tick := time.NewTicker(time.Second / batches)
	defer tick.Stop()
	for i := range seconds * batches {
		s := service("shop")
		for j := range batch {
			n := node(fmt.Sprint((i*batch + j) % 200))
			n.Zone = fmt.Sprint(i)
			s.Nodes = append(s.Nodes, n)
		}
		register(t, r, s)
		changes += batch
		if i%7 == 6 {
			deregister(t, r, service("shop", s.Nodes[:5]...))
			changes += 5
		}
		if i%batches == batches/2 {
			proxy.Cut()
			proxy.Heal()
		}
		<-tick.C
	}
	took := time.Since(began)
	within(t, 2*time.Second, "the final state", func() error { return a.equals(t.Context(), r, "shop") })
	got := snapshots(t, server)
	t.Logf("%d changes in %v, %d cuts, %d snapshots, results: %v", changes, took.Round(time.Millisecond), seconds, got, a.count())
	if most := 1 + 5*seconds; got > most {
		t.Errorf("%d snapshots for %d cuts", got, seconds)
	}
	if float64(changes)/took.Seconds() < 300 { // on the slowest machine
		t.Errorf("only %d changes in %v: this has shown nothing", changes, took)
	}
}

// A subscription that turned half-open is replaced, while ordinary commands work:
// by its own silence, and sooner where polls show what it does not bring.
func TestHalfOpenSubscription(t *testing.T) {
	t.Parallel()
	for _, changing := range []bool{false, true} {
		t.Run(fmt.Sprintf("changing=%v", changing), func(t *testing.T) {
			t.Parallel()
			const poll = time.Second
			server := redistest.Start(t)
			client, w := wired(t, server)
			reader := open(t, at(server), registry.Client(client), registry.PollInterval(poll))
			r := open(t, at(server))
			a := watch(t, reader, registry.WatchService("shop"))
			register(t, r, service("shop", node("a")))
			a.expect("create /a")
			w.stall()
			began := time.Now()
			if changing {
				register(t, r, service("shop", node("b")))
				since(t, began, poll+time.Second, "what the subscription lost is reported", func() error { return a.shows("/a", "/b") })
				a.expect("create /b")
			}
			since(t, began, poll+time.Second, "subscribed again", func() error {
				if w.count() < 2 {
					return errors.New("the old subscription is still there")
				}
				return nil
			})
			reported := time.Now()
			register(t, r, service("shop", node("c")))
			a.expect("create /c")
			t.Logf("then reported after %v", time.Since(reported).Round(time.Millisecond))
			if w.count() > 2 {
				t.Errorf("%d subscriptions", w.count())
			}
		})
	}
}

// A subscriber that Redis has killed, by CLIENT KILL or because too much
// waited for it, comes back by itself and misses nothing.
func TestSubscriberKilled(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client, w := wired(t, server)
	// Polls would find it too.
	reader := open(t, at(server), registry.Client(client), registry.PollInterval(time.Hour))
	r := open(t, at(server), registry.TTL(time.Hour))
	a := watch(t, reader, registry.WatchService("shop"))
	register(t, r, service("shop", node("a")))
	a.expect("create /a")

	for i := range 3 {
		id := fmt.Sprint("killed-", i)
		if n := server.Client().ClientKillByFilter(t.Context(), "TYPE", "pubsub").Val(); n != 1 {
			t.Errorf("%d subscribers killed", n)
		}
		register(t, r, service("shop", node(id)))
		within(t, time.Second, "reported after CLIENT KILL", func() error {
			if a.node(id) == nil {
				return errors.New("not reported")
			}
			return nil
		})
	}

	server.SetConfig("client-output-buffer-limit", "pubsub 65536 0 0")
	before := w.count()
	big := service("shop")
	for i := range 200 {
		n := node(fmt.Sprint("big-", i))
		n.Metadata = map[string]string{"x": strings.Repeat("x", 7<<10)}
		big.Nodes = append(big.Nodes, n)
	}
	register(t, r, big)
	within(t, time.Second, "reported after the buffer overflowed", func() error { return a.equals(t.Context(), r, "shop") })
	if w.count() == before {
		t.Error("the buffer did not overflow")
	}
	t.Logf("%d subscriptions, %d snapshots", w.count(), snapshots(t, server))
	deregister(t, r, service("shop", node("a")))
	within(t, time.Second, "one more change reported", func() error { return a.equals(t.Context(), r, "shop") })
}
