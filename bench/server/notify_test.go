package server

import (
	"context"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// BenchmarkNotify measures the time from the start of a write until a subscriber in this
// process has it (p50-us and p99-us). rollcall is Register until Watcher.Next of another
// registry returns; the others publish by go-redis, and receive by ReceiveMessage.
func BenchmarkNotify(b *testing.B) {
	b.Run("new/rollcall", func(b *testing.B) { notify(b, b.Context(), nodeID) })
	b.Run("new/bare-publish", func(b *testing.B) { published(b, false) })
	b.Run("new/bare-script", func(b *testing.B) { published(b, true) })
	b.Run("changed/rollcall", func(b *testing.B) { notify(b, b.Context(), func(int) string { return nodeID(0) }) })
	b.Run("changed/bare-publish", func(b *testing.B) { published(b, false) })
	b.Run("changed/bare-script", func(b *testing.B) { published(b, true) })
	// The context of a benchmark can be cancelled; this one cannot.
	b.Run("new-not-cancellable/rollcall", func(b *testing.B) { notify(b, context.Background(), nodeID) })
}

// notify registers the node that id names for each i, and waits for its event.
func notify(b *testing.B, ctx context.Context, id func(int) string) {
	addr := registry.Addrs(redistest.SharedStandalone(b).Addr())
	writer, reader := registry.NewRegistry(addr), registry.NewRegistry(addr)
	b.Cleanup(func() {
		_ = writer.Close(context.Background())
		_ = reader.Close(context.Background())
	})
	w, err := reader.Watch(b.Context(), registry.WatchService(service))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(w.Stop)
	put := func(i int) {
		s := &registry.Service{Name: service, Nodes: []*registry.Node{{
			ID: id(i), Address: nodeID(i), Metadata: map[string]string{"n": strconv.Itoa(i)},
		}}}
		if err := writer.Register(ctx, s); err != nil {
			b.Fatal(err)
		}
	}
	next := func() error {
		_, err := w.Next()
		return err
	}
	delays(b, put, next)
}

// published publishes the record, by the command or from the script that stores it too.
func published(b *testing.B, script bool) {
	ctx, c := b.Context(), redistest.SharedStandalone(b).Client()
	sub := c.Subscribe(ctx, setKey)
	b.Cleanup(func() { _ = sub.Close() })
	if _, err := sub.Receive(ctx); err != nil {
		b.Fatal(err)
	}
	put := func(i int) {
		if !script {
			if err := c.Publish(ctx, setKey, record).Err(); err != nil {
				b.Fatal(err)
			}
			return
		}
		if err := bareScript.Run(ctx, c, []string{nodeKey(i), setKey}, nodeID(i), record, 1).Err(); err != nil {
			b.Fatal(err)
		}
	}
	next := func() error {
		_, err := sub.ReceiveMessage(ctx)
		return err
	}
	delays(b, put, next)
}

// delays reports the median and the 99th percentile of the time from a put until next has
// received it. next runs beside put: an event may come before the reply.
func delays(b *testing.B, put func(i int), next func() error) {
	type event struct {
		at  time.Time
		err error
	}
	wanted, received := make(chan struct{}), make(chan event, 1)
	go func() {
		for range wanted {
			err := next()
			received <- event{time.Now(), err}
		}
	}()
	b.Cleanup(func() { close(wanted) })
	var all []time.Duration
	for i := 0; b.Loop(); i++ {
		wanted <- struct{}{}
		start := time.Now()
		put(i)
		e := <-received
		if e.err != nil {
			b.Fatal(e.err)
		}
		all = append(all, e.at.Sub(start))
	}
	slices.Sort(all)
	b.ReportMetric(0, "ns/op") // is not shown: it holds the waits of this benchmark
	b.ReportMetric(float64(all[len(all)/2])/1e3, "p50-us")
	b.ReportMetric(float64(all[len(all)*99/100])/1e3, "p99-us")
}
