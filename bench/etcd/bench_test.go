package etcd

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rollcall-go/rollcall/bench/measure"
	"github.com/rollcall-go/rollcall/registry"
)

const (
	prefix = "/registry/shop/"
	ttl    = 15 // seconds
	others = 10 // nodes that the service has all the time
)

// register grants a lease to a node and puts it.
func register(ctx context.Context, c *clientv3.Client, i int) (clientv3.LeaseID, error) {
	l, err := c.Grant(ctx, ttl)
	if err != nil {
		return 0, err
	}
	_, err = c.Put(ctx, prefix+measure.NodeID(i), measure.Record, clientv3.WithLease(l.ID))
	return l.ID, err
}

// BenchmarkNotify is the time from the start of a write until a watch of the prefix has it.
func BenchmarkNotify(b *testing.B) {
	for _, p := range places {
		b.Run("new/"+p.product, func(b *testing.B) {
			c, next := watched(b, p)
			put := func(i int) {
				if _, err := register(b.Context(), c, others+i); err != nil {
					b.Fatal(err)
				}
			}
			remove := func(i int) {
				if _, err := c.Delete(b.Context(), prefix+measure.NodeID(others+i)); err != nil {
					b.Fatal(err)
				}
			}
			measure.Delays(b, put, remove, next)
		})
		b.Run("changed/"+p.product, func(b *testing.B) {
			c, next := watched(b, p)
			lease, err := register(b.Context(), c, 0)
			if err != nil {
				b.Fatal(err)
			}
			if err := next(); err != nil {
				b.Fatal(err)
			}
			measure.Delays(b, func(int) {
				if _, err := c.Put(b.Context(), prefix+measure.NodeID(0), measure.Record, clientv3.WithLease(lease)); err != nil {
					b.Fatal(err)
				}
			}, nil, next)
		})
	}
}

// watched starts a server with a service and a watch of it; next waits for its next event.
func watched(b *testing.B, p place) (c *clientv3.Client, next func() error) {
	c, _ = p.start(b)
	for i := range others {
		if _, err := register(b.Context(), c, i); err != nil {
			b.Fatal(err)
		}
	}
	events := c.Watch(b.Context(), prefix, clientv3.WithPrefix(), clientv3.WithCreatedNotify())
	<-events // that the watch is there
	return c, func() error {
		r := <-events
		return r.Err()
	}
}

// BenchmarkCost is the CPU time that a node costs the server, for a thousand nodes one after
// the other, and a hundred at a time. It is known for a server that is a process.
func BenchmarkCost(b *testing.B) {
	const nodes = 1000
	p := places[1]
	for _, size := range []int{1, 100} {
		b.Run(fmt.Sprintf("register/%d/%s", size, p.product), func(b *testing.B) {
			c, cpu := p.start(b)
			cost(b, nodes, size, cpu, func(i int) error {
				_, err := register(b.Context(), c, i)
				return err
			})
		})
		b.Run(fmt.Sprintf("renew/%d/%s", size, p.product), func(b *testing.B) {
			c, cpu := p.start(b)
			leases := make([]clientv3.LeaseID, nodes)
			for i := range leases {
				var err error
				if leases[i], err = register(b.Context(), c, i); err != nil {
					b.Fatal(err)
				}
			}
			cost(b, nodes, size, cpu, func(i int) error {
				_, err := c.KeepAliveOnce(b.Context(), leases[i])
				return err
			})
		})
	}
}

func cost(b *testing.B, nodes, atOnce int, cpu func() time.Duration, do func(i int) error) {
	before := cpu()
	for b.Loop() {
		for from := 0; from < nodes; from += atOnce {
			var calls sync.WaitGroup
			for i := from; i < from+atOnce; i++ {
				calls.Go(func() {
					if err := do(i); err != nil {
						b.Error(err)
					}
				})
			}
			calls.Wait()
		}
	}
	b.ReportMetric(0, "ns/op") // is not shown
	b.ReportMetric(float64((cpu()-before).Microseconds())/float64(b.N*nodes), "server-us/node")
}

// BenchmarkRead reads a service of a thousand nodes with five tags, by Get and JSON.
// BenchmarkFirstView does so with a client that has to connect.
func BenchmarkRead(b *testing.B) { reads(b, false, 1000) }

func BenchmarkFirstView(b *testing.B) { reads(b, true, 1000, 10_000) }

func reads(b *testing.B, connect bool, sizes ...int) {
	for _, n := range sizes {
		for _, p := range places[:2] { // a read does not touch the disk
			b.Run(fmt.Sprintf("%d/%s", n, p.product), func(b *testing.B) {
				c, _ := p.start(b)
				fill(b, c, n)
				for b.Loop() {
					if connect {
						c = client(b, c.Endpoints()[0])
					}
					read(b, c, n)
				}
			})
		}
	}
}

// fill puts n nodes, a hundred in a transaction.
func fill(b *testing.B, c *clientv3.Client, n int) {
	for from := 0; from < n; from += 100 {
		var puts []clientv3.Op
		for i := from; i < from+100; i++ {
			puts = append(puts, clientv3.OpPut(prefix+measure.NodeID(i), string(measure.Document(b, i))))
		}
		if _, err := c.Txn(b.Context()).Then(puts...).Commit(); err != nil {
			b.Fatal(err)
		}
	}
}

func read(b *testing.B, c *clientv3.Client, want int) {
	all, err := c.Get(b.Context(), prefix, clientv3.WithPrefix())
	if err != nil {
		b.Fatal(err)
	}
	list := make([]*registry.Node, len(all.Kvs))
	for i, kv := range all.Kvs {
		if list[i], err = measure.Decode(kv.Value); err != nil {
			b.Fatal(err)
		}
	}
	if len(list) != want {
		b.Fatalf("%d nodes, want %d", len(list), want)
	}
}
