package registry_test

import (
	"fmt"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// A registry that only watches has one connection for commands and one for events, also
// after it has asked whether Redis sends keyspace events. Where a poll is sent meanwhile, it
// has one more, so polls are rare here.
func TestAWatchHoldsTwoConnections(t *testing.T) {
	server := redistest.Start(t)
	clients := func() int {
		info := server.Client().InfoMap(t.Context(), "clients")
		n, err := strconv.Atoi(info.Item("Clients", "connected_clients"))
		if err != nil {
			t.Fatalf("connected_clients: %v, %v", err, info.Err())
		}
		return n
	}
	const watchers = 5
	before, asked := clients(), commandCalls(t, server, "config|get")
	for range watchers {
		watch(t, open(t, at(server), registry.TTL(time.Hour), registry.Interval(time.Minute), registry.PollInterval(time.Hour)), registry.WatchService("shop"))
	}
	eventually(t, patience, func() error {
		if n := commandCalls(t, server, "config|get") - asked; n < watchers {
			return fmt.Errorf("%d of %d registries have asked for keyspace events", n, watchers)
		}
		return nil
	})
	if n := clients() - before; n != 2*watchers {
		t.Errorf("%d registries that watch hold %d connections, want %d:\n%s",
			watchers, n, 2*watchers, server.Client().ClientList(t.Context()).Val())
	}
}

// BenchmarkWatcher says what a registry that watches a service of one node holds.
func BenchmarkWatcher(b *testing.B) {
	server := redistest.Start(b)
	enroll(b, benched(b, server), fleet("shop", 1), registry.RegisterManual())
	heap := func() float64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc)
	}
	before := heap()
	for b.Loop() {
		w, err := benched(b, server).Watch(b.Context(), registry.WatchService("shop"))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := w.Next(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric((heap()-before)/float64(b.N), "B/watcher")
}
