package fleet

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/bench/measure"
	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

const (
	nodes     = 1000
	pollEvery = 5 * time.Second
	lasts     = 10 * time.Second
)

// A thousand clients take minutes to start on a small machine, and the ratios are the same.
var clients = flag.Int("clients", 200, "of BenchmarkClients")

// BenchmarkClients has -clients clients of a service of a thousand nodes, of which one
// changes each second, for ten seconds after all have started: what Redis and the clients
// use, and the heap of a client. All of them are in one process, with a connection each.
// Watches and resolvers have the same peer, polling, which runs once.
func BenchmarkClients(b *testing.B) {
	var polled func(b *testing.B)
	for _, way := range []struct {
		name   string
		client func(b *testing.B, s *redistest.Server)
	}{{"watch", watching}, {"resolver", resolving}} {
		b.Run(way.name+"/rollcall", func(b *testing.B) {
			s := redistest.Start(b)
			writer := open(b, s)
			register(b, writer, measure.Tagged(service, nodes))
			run(b, s, func() { way.client(b, s) }, func(i int) {
				register(b, writer, &registry.Service{Name: service, Nodes: []*registry.Node{{
					Address: measure.NodeID(i), Weight: 11, Metadata: measure.Tags,
				}}})
			})(b)
		})
		b.Run(way.name+"/polling", func(b *testing.B) {
			if polled == nil {
				s := redistest.Start(b)
				put := func(i int) { s.Client().HSet(b.Context(), service, measure.NodeID(i), measure.Document(b, i)) }
				for i := range nodes {
					put(i)
				}
				polled = run(b, s, func() { polling(b, s) }, put)
			}
			polled(b)
		})
	}
}

// run starts the clients, makes the changes, and returns what reports the figures.
func run(b *testing.B, s *redistest.Server, client func(), change func(i int)) (report func(b *testing.B)) {
	heap := measure.Heap()
	inParallel(*clients, client)
	before := used(b, s)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for i := range int(lasts / time.Second) {
		<-tick.C
		change(i)
	}
	after := used(b, s)
	heap = (measure.Heap() - heap) / float64(*clients)
	return func(b *testing.B) {
		after.report(b, before)
		only(b)
		b.ReportMetric(heap/1e3, "KB/client")
	}
}

// watching starts a watch that has seen all nodes.
func watching(b *testing.B, s *redistest.Server) {
	w, err := open(b, s).Watch(b.Context(), registry.WatchService(service))
	if err != nil {
		b.Error(err)
		return
	}
	for range nodes {
		if _, err := w.Next(); err != nil {
			b.Error(err)
			return
		}
	}
	goUntilEnd(b, w.Stop, func() {
		for {
			if _, err := w.Next(); err != nil {
				return // stopped
			}
		}
	})
}

// resolving starts a resolver that has picked a node.
func resolving(b *testing.B, s *redistest.Server) {
	d := discovery.New(open(b, s), discovery.Timeout(patient))
	b.Cleanup(func() { _ = d.Close() })
	p, err := d.Pick(b.Context(), service)
	if err != nil {
		b.Error(err)
		return
	}
	p.Done(nil)
}

// polling starts a client that reads all nodes, and then again at every interval from a
// random moment on, as clients that were started one by one do.
func polling(b *testing.B, s *redistest.Server) {
	c := redis.NewClient(&redis.Options{Addr: s.Addr(), DialTimeout: patient, ReadTimeout: patient, PoolTimeout: patient})
	ctx, cancel := context.WithCancel(b.Context())
	var known map[string]*registry.Node // what the client holds
	read := func() error {
		all, err := c.HGetAll(ctx, service).Result()
		if err != nil {
			return err
		}
		known = make(map[string]*registry.Node, len(all))
		for id, doc := range all {
			if known[id], err = measure.Decode([]byte(doc)); err != nil {
				return err
			}
		}
		return nil
	}
	if err := read(); err != nil {
		b.Error(err)
	}
	goUntilEnd(b, func() { cancel(); _ = c.Close() }, func() {
		next := time.NewTimer(rand.N(pollEvery))
		defer next.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-next.C:
			}
			next.Reset(pollEvery)
			if err := read(); err != nil && ctx.Err() == nil {
				b.Error(fmt.Errorf("poll: %w", err))
				return
			}
		}
	})
}

// goUntilEnd runs f until the end of the benchmark, when stop makes it return.
func goUntilEnd(b *testing.B, stop, f func()) {
	var running sync.WaitGroup
	running.Go(f)
	b.Cleanup(func() {
		stop()
		running.Wait()
	})
}
