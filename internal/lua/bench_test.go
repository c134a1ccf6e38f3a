package lua

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/redistest"
)

// BenchmarkCall makes calls of a hundred nodes on real Redis, in a service of a
// thousand that has a watcher. It measures how long a call holds the server
// (redis-us/call, which should stay under 1000) and how many nodes a second one
// connection gets done.
func BenchmarkCall(b *testing.B) {
	ctx, record := b.Context(), []byte(`{"address":"10.0.0.1:8080","metadata":{"m":"`+strings.Repeat("x", 250)+`"}}`)
	nodes := func(token string, seq int) []Registration {
		all := hundred(token)
		for i := range all {
			all[i].Seq, all[i].Data = uint64(seq), record
		}
		return all
	}
	registering := func(t Target, c *redis.Client, token string, seq int) []Result {
		return Register(ctx, c, RegisterCall{Target: t, Nodes: nodes(token, seq)})
	}
	var ids []string
	var overdue []redis.Z
	for _, n := range hundred(ours) {
		ids, overdue = append(ids, n.ID), append(overdue, redis.Z{Member: n.ID, Score: 1})
	}

	for _, bc := range []struct {
		name       string
		prep, call func(t Target, c *redis.Client, i int) []Result
	}{
		{
			name: "register",
			call: func(t Target, c *redis.Client, i int) []Result { return registering(t, c, ours, i) },
		},
		{
			name: "refresh",
			prep: func(t Target, c *redis.Client, _ int) []Result { return registering(t, c, ours, 1) },
			call: func(t Target, c *redis.Client, _ int) []Result { return registering(t, c, ours, 1) },
		},
		{
			name: "renew",
			prep: func(t Target, c *redis.Client, _ int) []Result { return registering(t, c, ours, 1) },
			call: func(t Target, c *redis.Client, _ int) []Result {
				return Renew(ctx, c, RenewCall{Target: t, Nodes: leases(nodes(ours, 1))})
			},
		},
		{
			name: "deregister",
			prep: func(t Target, c *redis.Client, i int) []Result { return registering(t, c, token(int64(i), 1), 1) },
			call: func(t Target, c *redis.Client, i int) []Result {
				return Deregister(ctx, c, DeregisterCall{Target: t, Act: Act{By: Self}, Nodes: leases(nodes(token(int64(i), 1), 1))})
			},
		},
		{
			name: "reap",
			prep: func(t Target, c *redis.Client, _ int) []Result {
				c.ZAdd(ctx, t.Service.Index(), overdue...)
				return nil
			},
			call: func(t Target, c *redis.Client, _ int) []Result { return Reap(ctx, c, ReapCall{Target: t, IDs: ids}) },
		},
	} {
		b.Run(bc.name, func(b *testing.B) {
			c := redistest.SharedStandalone(b).Client()
			t := Target{Service: service(b, b.Name()), Deadline: time.Now().Add(time.Hour), Nonce: "00000000000b"}
			watch(b, c, t)
			for i := range 9 {
				others := nodes(ours, 1)
				for j := range others {
					others[j].ID = fmt.Sprint(i, others[j].ID)
				}
				Register(ctx, c, RegisterCall{Target: t, Nodes: others})
			}
			var held time.Duration
			b.ResetTimer()
			b.StopTimer()
			for i := 1; i <= b.N; i++ {
				if bc.prep != nil {
					bc.prep(t, c, i)
				}
				before := scriptTime(b, c)
				b.StartTimer()
				r := bc.call(t, c, i)
				b.StopTimer()
				held += scriptTime(b, c) - before
				if r[0].Err != nil || r[0].Codes[0] <= None {
					b.Fatalf("%+v", r[0])
				}
			}
			b.ReportMetric(float64(held.Microseconds())/float64(b.N), "redis-us/call")
			b.ReportMetric(float64(MaxNodes*b.N)/b.Elapsed().Seconds(), "nodes/s")
		})
	}
}

// watch subscribes to the events of a service and throws them away.
func watch(b *testing.B, c *redis.Client, t Target) {
	sub := c.Subscribe(b.Context(), t.Service.Events(t.DB))
	if _, err := sub.Receive(b.Context()); err != nil {
		b.Fatal(err)
	}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for range sub.Channel() {
		}
	}()
	b.Cleanup(func() {
		_ = sub.Close()
		<-stopped
	})
}

// scriptTime is how long scripts have held the server, by its own count.
func scriptTime(b *testing.B, c *redis.Client) time.Duration {
	info, err := c.Info(b.Context(), "commandstats").Result()
	if err != nil {
		b.Fatal(err)
	}
	_, stats, _ := strings.Cut(info, "cmdstat_evalsha:")
	_, stats, _ = strings.Cut(stats, "usec=")
	usec, _, _ := strings.Cut(stats, ",")
	if stats == "" {
		return 0
	}
	n, err := strconv.Atoi(usec)
	if err != nil {
		b.Fatalf("command statistics: %v", err)
	}
	return time.Duration(n) * time.Microsecond
}
