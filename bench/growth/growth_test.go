package growth

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/bench/measure"
	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

const (
	service = "shop"
	changes = 2000
)

func TestMain(m *testing.M) { redistest.Main(m) }

// tenfold measures work with n items and with a tenth. work prepares so many items, and
// returns what is measured and for how many items it is.
func tenfold(b *testing.B, name string, n int, work func(b *testing.B, s *redistest.Server, n int) (run func(), items int)) {
	for product, n := range map[string]int{"tenth": n / 10, "rollcall": n} {
		b.Run(name+"/"+product, func(b *testing.B) {
			s := redistest.SharedStandalone(b)
			run, items := work(b, s, n)
			used := func() float64 {
				return float64(measure.CPU().Microseconds()) + measure.RedisCPU(b, s.Client())
			}
			measure.Heap() // no garbage of the preparation is collected later
			before := used()
			run()
			b.ReportMetric((used()-before)/float64(items), "cpu-us/item")
			b.ReportMetric(0, "ns/op") // is not shown
		})
	}
}

// BenchmarkGrowth is what an item costs: a change of one of many nodes for a watch and for a
// resolver, a new node among many, a service among those of a registry, an event for a
// watcher among those of a registry, and a new name and a new filter for a resolver.
func BenchmarkGrowth(b *testing.B) {
	tenfold(b, "nodes-registered", 10_000, func(b *testing.B, s *redistest.Server, n int) (func(), int) {
		r := open(b, s)
		return func() { register(b, r, measure.Tagged(service, n)) }, n
	})
	tenfold(b, "nodes-watched", 10_000, changesOf(func(b *testing.B, r *registry.Redis, n int) func() {
		w := watch(b, r)
		next(b, w, n)
		return func() { next(b, w, 1) }
	}))
	tenfold(b, "nodes-resolved", 10_000, changesOf(func(b *testing.B, r *registry.Redis, _ int) func() {
		d := discovery.New(r)
		b.Cleanup(func() { _ = d.Close() })
		view, stop := iter.Pull(d.Changes(b.Context(), service))
		b.Cleanup(stop)
		var known uint64
		next := func() { // waits for the next revision: views of the same one differ in health
			for {
				v, ok := view()
				if !ok {
					b.Fatal("the views have ended")
				}
				if v.Revision() != known {
					known = v.Revision()
					return
				}
			}
		}
		next()
		return next
	}))
	tenfold(b, "services-registered", 5000, func(b *testing.B, s *redistest.Server, n int) (func(), int) {
		r := open(b, s)
		return func() {
			var callers sync.WaitGroup
			for first := range 8 {
				callers.Go(func() {
					for i := first; i < n; i += 8 {
						register(b, r, measure.Tagged(fmt.Sprint("shop-", i), 1))
					}
				})
			}
			callers.Wait()
		}, n
	})
	tenfold(b, "watchers", 1000, watchers)
	tenfold(b, "names", 5000, func(b *testing.B, _ *redistest.Server, n int) (func(), int) {
		var all []*registry.Service
		for i := range n {
			all = append(all, measure.Tagged(fmt.Sprint("shop-", i), 1))
		}
		d := discovery.New(discovery.Static(all...))
		b.Cleanup(func() { _ = d.Close() })
		return func() {
			for _, s := range all {
				pick(b, d, s.Name)
			}
		}, n
	})
	tenfold(b, "filters", 1000, func(b *testing.B, _ *redistest.Server, n int) (func(), int) {
		d := discovery.New(discovery.Static(measure.Tagged(service, 100)))
		b.Cleanup(func() { _ = d.Close() })
		pick(b, d, service)
		filters := make([]*discovery.FilterOption, n)
		for i := range filters {
			filters[i] = discovery.Filter(func(n *registry.Node) bool {
				host, _, _ := strings.Cut(n.ID, ":")
				return host[len(host)-1]%2 == 0 // half of them
			})
		}
		return func() {
			for range 3 {
				for _, f := range filters {
					pick(b, d, service, f)
				}
			}
		}, 3 * n
	})
}

// changesOf registers n nodes, starts a reader of them, and measures changes of one node;
// seen waits until the reader has the next change.
func changesOf(start func(b *testing.B, r *registry.Redis, n int) (seen func())) func(*testing.B, *redistest.Server, int) (func(), int) {
	return func(b *testing.B, s *redistest.Server, n int) (func(), int) {
		writer := open(b, s)
		register(b, writer, measure.Tagged(service, n))
		seen := start(b, open(b, s), n)
		return func() {
			for i := range changes {
				change(b, writer, i)
				seen()
			}
		}, changes
	}
}

// watchers is what an event costs for each of n watchers of a registry.
func watchers(b *testing.B, s *redistest.Server, n int) (func(), int) {
	writer, reader := open(b, s), open(b, s)
	register(b, writer, measure.Tagged(service, 1))
	var all sync.WaitGroup
	seen := make(chan struct{}, n)
	for range n {
		w := watch(b, reader)
		next(b, w, 1)
		all.Go(func() {
			for {
				if _, err := w.Next(); err != nil {
					return // stopped
				}
				seen <- struct{}{}
			}
		})
	}
	b.Cleanup(func() {
		_ = reader.Close(context.Background())
		all.Wait()
	})
	return func() {
		const events = 20
		for i := range events {
			change(b, writer, i)
			late := time.After(time.Minute)
			for got := range n {
				select {
				case <-seen:
				case <-late:
					b.Fatalf("change %d: %d of %d watchers have it", i, got, n)
				}
			}
		}
	}, 20 * n
}

func open(b *testing.B, s *redistest.Server) *registry.Redis {
	r := registry.NewRegistry(registry.Addrs(s.Addr()), registry.Timeout(time.Minute), registry.Logger(zerolog.Nop()))
	b.Cleanup(func() { _ = r.Close(context.Background()) })
	return r
}

func register(b *testing.B, r *registry.Redis, s *registry.Service) {
	if err := r.Register(b.Context(), s, registry.RegisterTTL(10*time.Minute)); err != nil {
		b.Fatal(err)
	}
}

func change(b *testing.B, r *registry.Redis, i int) {
	register(b, r, &registry.Service{Name: service, Nodes: []*registry.Node{{
		Address: measure.NodeID(0), Weight: 11 + i%2, Metadata: measure.Tags,
	}}})
}

func watch(b *testing.B, r *registry.Redis) registry.Watcher {
	w, err := r.Watch(b.Context(), registry.WatchService(service))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(w.Stop)
	return w
}

func next(b *testing.B, w registry.Watcher, n int) {
	for range n {
		if _, err := w.Next(); err != nil {
			b.Fatal(err)
		}
	}
}

func pick(b *testing.B, d *discovery.Resolver, service string, opts ...discovery.PickOption) {
	p, err := d.Pick(b.Context(), service, opts...)
	if err != nil {
		b.Fatal(err)
	}
	p.Done(nil)
}
