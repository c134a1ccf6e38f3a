package server

import (
	"context"
	"fmt"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/bench/measure"
	"github.com/rollcall-go/rollcall/internal/redistest"
)

// A round registers or renews n nodes once, in one pipeline.
type round func(ctx context.Context, c *redis.Client, from, n int) error

type peer struct {
	name string
	do   round
}

// BenchmarkCost measures the CPU time that a node costs the server, connections included
// (server-us/node), and how long its commands take (command-us/node). Each operation is a thousand nodes: with size 1 a node is a call that waits for its answer,
// with size 100 a hundred of them go in one pipeline.
func BenchmarkCost(b *testing.B) {
	for _, work := range []struct {
		name  string
		renew bool
		peers []peer
	}{
		{"register", false, []peer{
			{"rollcall", register},
			{"bare-script", scripted(bareScript)},
			{"script", scripted(registerScript)},
			{"set+hash", setHash},
		}},
		{"renew", true, []peer{
			{"rollcall", renew},
			{"bare-pexpire", pexpire},
			{"script", scripted(renewScript)},
		}},
	} {
		for _, size := range []int{1, 100} {
			for _, peer := range work.peers {
				b.Run(fmt.Sprintf("%s/%d/%s", work.name, size, peer.name), func(b *testing.B) {
					cost(b, work.renew, size, peer)
				})
			}
		}
	}
}

func cost(b *testing.B, renewing bool, size int, p peer) {
	ctx, c := b.Context(), redistest.SharedStandalone(b).Client()
	const nodes = 1000
	rounds := func(do round, size int) {
		for i := 0; i < nodes; i += size {
			if err := do(ctx, c, i, size); err != nil {
				b.Fatal(err)
			}
		}
	}
	for _, s := range []*redis.Script{bareScript, registerScript, renewScript} {
		if err := s.Load(ctx, c).Err(); err != nil {
			b.Fatal(err)
		}
	}
	channel := setKey
	if p.name == "rollcall" {
		channel = target().Service.Events(0)
	}
	measure.Listen(b, c, channel)
	fill := setHash
	if p.name == "rollcall" {
		fill = register
	}
	var used, inCommands float64
	for b.Loop() {
		b.StopTimer()
		if err := c.FlushAll(ctx).Err(); err != nil {
			b.Fatal(err)
		}
		if renewing {
			rounds(fill, 100)
		}
		if err := c.ConfigResetStat(ctx).Err(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		before := measure.RedisCPU(b, c)
		rounds(p.do, size)
		inCommands += measure.InCommands(b, c)
		used += measure.RedisCPU(b, c) - before
	}
	b.ReportMetric(0, "ns/op") // is not shown
	b.ReportMetric(used/float64(b.N*nodes), "server-us/node")
	b.ReportMetric(inCommands/float64(b.N*nodes), "command-us/node")
}
