package fleet

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/bench/measure"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

const (
	service = "shop"
	patient = 5 * time.Minute // a thousand clients that start at once wait for each other
)

// TestMain lets this process and Redis, which inherits it, open many connections.
func TestMain(m *testing.M) {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		panic(err)
	}
	files.Cur = files.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		panic(err)
	}
	redistest.Main(m)
}

// open returns a registry on s that the end of the benchmark closes.
func open(b *testing.B, s *redistest.Server) *registry.Redis {
	r := registry.NewRegistry(registry.Addrs(s.Addr()), registry.Timeout(patient), registry.Logger(zerolog.Nop()))
	b.Cleanup(func() { _ = r.Close(context.Background()) })
	return r
}

// changed is a service with one node, whose record has the length of measure.Record.
func changed(i, version int) *registry.Service {
	return &registry.Service{Name: service, Nodes: []*registry.Node{{
		Address: measure.NodeID(i), Metadata: map[string]string{"m": measure.Padding, "n": fmt.Sprint(version)},
	}}}
}

func register(b *testing.B, r *registry.Redis, s *registry.Service) {
	if err := r.Register(b.Context(), s, registry.RegisterTTL(time.Minute)); err != nil {
		b.Fatal(err)
	}
}

// usage is what a process and its Redis have used.
type usage struct {
	at            time.Time
	client, redis float64 // us of CPU
	sent          float64 // bytes, by Redis
}

func used(b *testing.B, s *redistest.Server) usage {
	return usage{
		time.Now(), float64(measure.CPU().Microseconds()), measure.RedisCPU(b, s.Client()),
		measure.Info(b, s.Client(), "stats", "total_net_output_bytes"),
	}
}

// report says what was used since before: shares of a core, and bytes from Redis a second.
func (u usage) report(b *testing.B, before usage) {
	us := float64(u.at.Sub(before.at).Microseconds())
	b.ReportMetric(100*(u.client-before.client)/us, "client-%core")
	b.ReportMetric(100*(u.redis-before.redis)/us, "redis-%core")
	b.ReportMetric(1e3*(u.sent-before.sent)/us, "KB/s")
}

// only leaves out ns/op, which holds the waits of the benchmark.
func only(b *testing.B) { b.ReportMetric(0, "ns/op") }
