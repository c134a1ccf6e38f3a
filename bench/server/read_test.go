package server

import (
	"context"
	"fmt"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/bench/measure"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

const nodes = 1000

// BenchmarkRead reads a service of a thousand nodes with five tags each: rollcall by
// GetService, polling by HGETALL and JSON.
func BenchmarkRead(b *testing.B) {
	b.Run("1000/rollcall", func(b *testing.B) {
		r := filled(b, nodes)
		for b.Loop() {
			s, err := r.GetService(b.Context(), service)
			if err != nil || len(s) != 1 || len(s[0].Nodes) != nodes {
				b.Fatal(s, err)
			}
		}
	})
	b.Run("1000/polling", func(b *testing.B) {
		c := redistest.SharedStandalone(b).Client()
		fillHash(b, c, nodes)
		for b.Loop() {
			poll(b, c, nodes)
		}
	})
}

// BenchmarkFirstView is the time from a client without a connection until it has all nodes:
// rollcall by Watch, polling by HGETALL and JSON.
func BenchmarkFirstView(b *testing.B) {
	for _, n := range []int{1000, 10_000} {
		b.Run(fmt.Sprint(n, "/rollcall"), func(b *testing.B) {
			filled(b, n)
			for b.Loop() {
				r := registry.NewRegistry(registry.Addrs(redistest.SharedStandalone(b).Addr()))
				w, err := r.Watch(b.Context(), registry.WatchService(service))
				if err != nil {
					b.Fatal(err)
				}
				for range n {
					if _, err := w.Next(); err != nil {
						b.Fatal(err)
					}
				}
				b.StopTimer()
				_ = r.Close(context.Background())
				b.StartTimer()
			}
		})
		b.Run(fmt.Sprint(n, "/polling"), func(b *testing.B) {
			s := redistest.SharedStandalone(b)
			fillHash(b, s.Client(), n)
			for b.Loop() {
				c := redis.NewClient(&redis.Options{Addr: s.Addr()})
				poll(b, c, n)
				b.StopTimer()
				_ = c.Close()
				b.StartTimer()
			}
		})
	}
}

// filled returns a registry that has registered n nodes.
func filled(b *testing.B, n int) *registry.Redis {
	r := registry.NewRegistry(registry.Addrs(redistest.SharedStandalone(b).Addr()))
	b.Cleanup(func() { _ = r.Close(context.Background()) })
	fill(b, r, n)
	return r
}

// fillHash writes the hash of the polling design, and poll reads it.
func fillHash(b *testing.B, c *redis.Client, n int) {
	for i := range n {
		if err := c.HSet(b.Context(), setKey, nodeID(i), measure.Document(b, i)).Err(); err != nil {
			b.Fatal(err)
		}
	}
}

func poll(b *testing.B, c *redis.Client, want int) {
	all, err := c.HGetAll(b.Context(), setKey).Result()
	if err != nil || len(all) != want {
		b.Fatal(len(all), err)
	}
	list := make([]*registry.Node, 0, len(all))
	for _, doc := range all {
		n, err := measure.Decode([]byte(doc))
		if err != nil {
			b.Fatal(err)
		}
		list = append(list, n)
	}
	if len(list) != want {
		b.Fatal(len(list))
	}
}

func fill(b *testing.B, r *registry.Redis, n int) {
	if err := r.Register(b.Context(), measure.Tagged(service, n)); err != nil {
		b.Fatal(err)
	}
}
