package server

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/bench/measure"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// others are the nodes that the service has all the time.
const others = 10

// BenchmarkNotify measures the time from the start of a write until a subscriber in this
// process has it (p50-us and p99-us), in a service of ten other nodes. rollcall is Register
// until Watcher.Next of another registry returns; the others publish by go-redis, and
// receive by ReceiveMessage. A new node is removed again before the next one comes.
func BenchmarkNotify(b *testing.B) {
	b.Run("new/rollcall", func(b *testing.B) {
		p := newPair(b)
		put := func(i int) { p.put(b, b.Context(), others+i, i) }
		remove := func(i int) {
			if err := p.writer.Deregister(b.Context(), node(others+i, i)); err != nil {
				b.Fatal(err)
			}
		}
		measure.Delays(b, put, remove, p.next)
	})
	b.Run("changed/rollcall", func(b *testing.B) {
		p := newPair(b)
		measure.Delays(b, func(i int) { p.put(b, b.Context(), 0, i+1) }, nil, p.next)
	})
	for _, work := range []string{"new", "changed"} {
		b.Run(work+"/bare-publish", func(b *testing.B) { published(b, false, work == "new") })
		b.Run(work+"/bare-script", func(b *testing.B) { published(b, true, work == "new") })
	}
}

// BenchmarkCancellable measures by turns what a context that can be cancelled adds to
// Register of a changed record (added-us, of the medians).
func BenchmarkCancellable(b *testing.B) {
	b.Run("register/rollcall", func(b *testing.B) {
		p := newPair(b)
		var plain, cancellable []time.Duration
		for i := 1; b.Loop(); i++ {
			start := time.Now()
			p.put(b, context.Background(), 0, 2*i)
			half := time.Now()
			p.put(b, b.Context(), 0, 2*i+1)
			plain, cancellable = append(plain, half.Sub(start)), append(cancellable, time.Since(half))
		}
		b.ReportMetric(0, "ns/op") // is not shown
		b.ReportMetric(measure.Percentile(cancellable, 50)-measure.Percentile(plain, 50), "added-us")
	})
}

// A pair is a registry that writes, and a watch of another one that has seen all nodes.
type pair struct {
	writer *registry.Redis
	next   func() error
}

func newPair(b *testing.B) pair {
	addr := registry.Addrs(redistest.SharedStandalone(b).Addr())
	writer, reader := registry.NewRegistry(addr), registry.NewRegistry(addr)
	b.Cleanup(func() {
		_ = writer.Close(context.Background())
		_ = reader.Close(context.Background())
	})
	p := pair{writer: writer}
	for i := range others {
		p.put(b, b.Context(), i, 0)
	}
	w, err := reader.Watch(b.Context(), registry.WatchService(service))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(w.Stop)
	p.next = func() error {
		_, err := w.Next()
		return err
	}
	for range others {
		if err := p.next(); err != nil {
			b.Fatal(err)
		}
	}
	return p
}

func (p pair) put(b *testing.B, ctx context.Context, i, version int) {
	if err := p.writer.Register(ctx, node(i, version)); err != nil {
		b.Fatal(err)
	}
}

// node is a service with its node i, whose record is as long as that of the peers.
func node(i, version int) *registry.Service {
	return &registry.Service{Name: service, Nodes: []*registry.Node{{
		ID: fmt.Sprint("node-", i), Address: nodeID(i), Metadata: map[string]string{"m": measure.Padding, "n": strconv.Itoa(version)},
	}}}
}

// published publishes the record, by the command or from the script that stores it too. The
// record is that of a new node each time, or always that of node 0.
func published(b *testing.B, script, fresh bool) {
	ctx, c := b.Context(), redistest.SharedStandalone(b).Client()
	sub := c.Subscribe(ctx, setKey)
	b.Cleanup(func() { _ = sub.Close() })
	if _, err := sub.Receive(ctx); err != nil {
		b.Fatal(err)
	}
	put := func(i int) {
		var err error
		if script {
			err = bareScript.Run(ctx, c, []string{nodeKey(i), setKey}, nodeID(i), record, 1).Err()
		} else {
			err = c.Publish(ctx, setKey, record).Err()
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	for i := range others {
		put(i)
		if _, err := sub.ReceiveMessage(ctx); err != nil {
			b.Fatal(err)
		}
	}
	of := func(i int) int { return 0 }
	var remove func(i int)
	if fresh {
		of = func(i int) int { return others + i }
		remove = func(i int) {
			c.Del(ctx, nodeKey(of(i)))
			c.ZRem(ctx, setKey, nodeID(of(i)))
			if err := c.Publish(ctx, setKey, nodeID(of(i))).Err(); err != nil {
				b.Fatal(err)
			}
		}
	}
	next := func() error {
		_, err := sub.ReceiveMessage(ctx)
		return err
	}
	measure.Delays(b, func(i int) { put(of(i)) }, remove, next)
}
