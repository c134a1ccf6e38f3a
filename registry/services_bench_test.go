//go:build unix

package registry_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// BenchmarkRegisterServices is the first Register of a service of one node, in a registry
// that registers many: what one costs should not grow with how many there are.
func BenchmarkRegisterServices(b *testing.B) {
	for _, services := range []int{1000, 3000} {
		b.Run(fmt.Sprint("services=", services), func(b *testing.B) {
			s := redistest.Start(b)
			for b.Loop() {
				r := registry.NewRegistry(registry.Addrs(s.Addr()), registry.Timeout(patience))
				for i := range services {
					enroll(b, r, fleet(fmt.Sprint("shop", i), 1))
				}
				b.StopTimer()
				if err := r.Close(context.Background()); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*services), "us/service")
		})
	}
}
