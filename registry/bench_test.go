//go:build unix

package registry_test

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// benched is a registry for a benchmark.
func benched(b *testing.B, s *redistest.Server, opts ...registry.Option) *registry.Redis {
	b.Helper()
	r := registry.NewRegistry(append([]registry.Option{registry.Addrs(s.Addr()), registry.Timeout(patience)}, opts...)...)
	b.Cleanup(func() {
		if err := r.Close(context.Background()); err != nil {
			b.Errorf("Close: %v", err)
		}
	})
	return r
}

func enroll(b *testing.B, r *registry.Redis, s *registry.Service, opts ...registry.RegisterOption) {
	b.Helper()
	if err := r.Register(b.Context(), s, opts...); err != nil {
		b.Fatal(err)
	}
}

// One call of Register: of a node that is registered already, and with other data each time.
func BenchmarkRegister(b *testing.B) {
	for _, n := range []int{1, 100, 1000} {
		for _, changed := range []bool{false, true} {
			b.Run(fmt.Sprintf("nodes=%d/changed=%v", n, changed), func(b *testing.B) {
				r := benched(b, redistest.Start(b))
				s := fleet("shop", n)
				for i := 0; b.Loop(); i++ {
					if changed {
						for _, node := range s.Nodes {
							node.Weight = 1 + i%100
						}
					}
					enroll(b, r, s)
				}
			})
		}
	}
}

func BenchmarkGetService(b *testing.B) {
	for _, n := range []int{1, 100, 1000, 10_000} {
		b.Run(fmt.Sprintf("nodes=%d", n), func(b *testing.B) {
			r := benched(b, redistest.Start(b))
			enroll(b, r, tagged(n), registry.RegisterTTL(time.Hour), registry.RegisterManual())
			for b.Loop() {
				if _, err := r.GetService(b.Context(), "shop"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkListServices(b *testing.B) {
	r := benched(b, redistest.Start(b))
	for i := range 1000 {
		enroll(b, r, fleet(fmt.Sprint("shop-", i), 1), registry.RegisterTTL(time.Hour), registry.RegisterManual())
	}
	for b.Loop() {
		services, err := r.ListServices(b.Context())
		if err != nil || len(services) != 1000 {
			b.Fatalf("%d services, %v", len(services), err)
		}
	}
}

// How long a round of renewals takes, which is what an interval costs.
func BenchmarkRenew(b *testing.B) {
	for _, n := range []int{1, 100, 1000, 10_000} {
		b.Run(fmt.Sprintf("nodes=%d", n), func(b *testing.B) {
			log := newRounds()
			r := benched(b, redistest.Start(b), log.option(), registry.Interval(time.Second))
			enroll(b, r, fleet("shop", n))
			<-log // Redis knows the script now
			var took time.Duration
			for b.Loop() {
				e := <-log
				if e.Err != nil || e.Nodes != n {
					b.Fatalf("%+v", e)
				}
				took += e.Took
			}
			b.ReportMetric(0, "ns/op") // most of which was waiting
			b.ReportMetric(float64(took.Microseconds())/float64(b.N), "µs/round")
		})
	}
}

// From a Register in one process until GetService in another shows it.
func BenchmarkRegisterToVisible(b *testing.B) {
	s := redistest.Start(b)
	writer, reader := benched(b, s), benched(b, s)
	change := fleet("shop", 1)
	for i := 0; b.Loop(); i++ {
		change.Nodes[0].Zone = fmt.Sprint(i)
		enroll(b, writer, change)
		for {
			seen, err := reader.GetService(b.Context(), "shop")
			if err != nil {
				b.Fatal(err)
			}
			if seen[0].Nodes[0].Zone == change.Nodes[0].Zone {
				break
			}
		}
	}
}

// used returns the processor time that this process has used.
func used(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// What a registry with 100 nodes and the default interval costs while nothing
// happens: the share of a core over ten seconds.
func BenchmarkIdle(b *testing.B) {
	r := benched(b, redistest.Start(b))
	enroll(b, r, fleet("shop", 100))
	began, before := time.Now(), used(b)
	for b.Loop() {
		<-time.After(10 * time.Second)
	}
	share := float64(used(b)-before) / float64(time.Since(began))
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(100*share, "%core")
}
