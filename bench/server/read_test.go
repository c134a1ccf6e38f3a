package server

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/rollcall-go/rollcall/bench/measure"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

const nodes = 1000

// tags are the five of a node.
var tags = map[string]string{"zone": "eu-1a", "commit": "4f2c9d1", "host": "node-0231", "team": "orders", "shard": "17"}

// An entry is what the polling and set+hash designs store for a node with those tags: what a
// node needs, and no empty fields.
type entry struct {
	Addr   string            `json:"addr"`
	Weight int               `json:"weight"`
	Tags   map[string]string `json:"tags"`
}

func document(b *testing.B, i int) []byte {
	doc, err := json.Marshal(entry{nodeID(i), 10, tags})
	if err != nil {
		b.Fatal(err)
	}
	return doc
}

// BenchmarkRead reads a service of a thousand nodes with five tags each: rollcall by
// GetService, polling by HGETALL and JSON.
func BenchmarkRead(b *testing.B) {
	b.Run("1000/rollcall", func(b *testing.B) {
		r := thousand(b)
		for b.Loop() {
			s, err := r.GetService(b.Context(), service)
			if err != nil || len(s) != 1 || len(s[0].Nodes) != nodes {
				b.Fatal(s, err)
			}
		}
	})
	b.Run("1000/polling", func(b *testing.B) {
		ctx, c := b.Context(), redistest.SharedStandalone(b).Client()
		for i := range nodes {
			if err := c.HSet(ctx, setKey, nodeID(i), document(b, i)).Err(); err != nil {
				b.Fatal(err)
			}
		}
		for b.Loop() {
			all, err := c.HGetAll(ctx, setKey).Result()
			if err != nil || len(all) != nodes {
				b.Fatal(len(all), err)
			}
			list := make([]*registry.Node, 0, len(all))
			for _, doc := range all {
				var e entry
				if err := json.Unmarshal([]byte(doc), &e); err != nil {
					b.Fatal(err)
				}
				list = append(list, &registry.Node{ID: e.Addr, Address: e.Addr, Weight: e.Weight, Metadata: e.Tags})
			}
			if len(list) != nodes {
				b.Fatal(len(list))
			}
		}
	})
}

// thousand returns a registry that has registered the thousand nodes.
func thousand(b *testing.B) *registry.Redis {
	r := registry.NewRegistry(registry.Addrs(redistest.SharedStandalone(b).Addr()))
	b.Cleanup(func() { _ = r.Close(context.Background()) })
	fill(b, r)
	return r
}

func fill(b *testing.B, r *registry.Redis) {
	s := &registry.Service{Name: service}
	for i := range nodes {
		s.Nodes = append(s.Nodes, &registry.Node{Address: nodeID(i), Metadata: tags})
	}
	if err := r.Register(b.Context(), s); err != nil {
		b.Fatal(err)
	}
}

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
		{"rollcall", func(b *testing.B) { fill(b, r) }},
		{"set+hash", func(b *testing.B) {
			ctx, c := b.Context(), redistest.SharedStandalone(b).Client()
			for i := range nodes {
				c.SAdd(ctx, setKey, nodeID(i))
				c.HSet(ctx, nodeKey(i), "data", document(b, i))
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
