package server

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"github.com/rollcall-go/rollcall/bench/measure"
	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// BenchmarkMemory measures what a node with five tags takes in Redis, one of a thousand
// in its service (redis-B/node, by
// used_memory without that of the connections, before and after).
func BenchmarkMemory(b *testing.B) {
	r := registry.NewRegistry(registry.Addrs(redistest.SharedStandalone(b).Addr()))
	b.Cleanup(func() { _ = r.Close(context.Background()) })
	for _, p := range []struct {
		name string
		fill func(b *testing.B)
	}{
		{"rollcall", func(b *testing.B) { fill(b, r, nodes) }},
		{"set+hash", func(b *testing.B) {
			ctx, c := b.Context(), redistest.SharedStandalone(b).Client()
			for i := range nodes {
				c.SAdd(ctx, setKey, nodeID(i))
				c.HSet(ctx, nodeKey(i), "data", measure.Document(b, i))
				if err := c.PExpire(ctx, nodeKey(i), 100*ttl).Err(); err != nil {
					b.Fatal(err)
				}
			}
		}},
	} {
		b.Run(fmt.Sprint(nodes, "/", p.name), func(b *testing.B) {
			c := redistest.SharedStandalone(b).Client()
			var bytes float64
			for b.Loop() {
				if err := c.FlushAll(b.Context()).Err(); err != nil {
					b.Fatal(err)
				}
				used := func() float64 {
					return measure.Info(b, c, "memory", "used_memory") - measure.Info(b, c, "memory", "mem_clients_normal")
				}
				before := used()
				p.fill(b)
				bytes = used() - before
			}
			b.ReportMetric(0, "ns/op") // is not shown
			b.ReportMetric(bytes/nodes, "redis-B/node")
		})
	}
}

// BenchmarkHeap is what a node with five tags, one of a thousand, takes in the heap of a
// client (B/node): of a Watch that has returned all nodes, of a Resolver that has picked one,
// and beside them the answer of GetService alone.
func BenchmarkHeap(b *testing.B) {
	for _, work := range []string{"watch", "resolver"} {
		for _, product := range []string{"rollcall", "bare-answer"} {
			b.Run(work+"/"+product, func(b *testing.B) {
				filled(b, nodes)
				for b.Loop() {
					b.ReportMetric(held(b, work, product)/nodes, "B/node")
				}
				b.ReportMetric(0, "ns/op") // is not shown
			})
		}
	}
}

// held is the heap that a client adds. The client has connected and read once before.
func held(b *testing.B, work, product string) float64 {
	r := registry.NewRegistry(registry.Addrs(redistest.SharedStandalone(b).Addr()))
	defer func() { _ = r.Close(context.Background()) }()
	if _, err := r.GetService(b.Context(), service); err != nil {
		b.Fatal(err)
	}
	before := measure.Heap()
	switch {
	case product == "bare-answer":
		s, err := r.GetService(b.Context(), service)
		if err != nil {
			b.Fatal(err)
		}
		after := measure.Heap()
		runtime.KeepAlive(s)
		return after - before
	case work == "watch":
		w, err := r.Watch(b.Context(), registry.WatchService(service))
		if err != nil {
			b.Fatal(err)
		}
		defer w.Stop()
		for range nodes {
			if _, err := w.Next(); err != nil {
				b.Fatal(err)
			}
		}
	default:
		d := discovery.New(r)
		defer func() { _ = d.Close() }()
		p, err := d.Pick(b.Context(), service)
		if err != nil {
			b.Fatal(err)
		}
		p.Done(nil)
	}
	return measure.Heap() - before
}
