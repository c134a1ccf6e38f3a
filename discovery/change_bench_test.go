package discovery_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/registry"
)

// BenchmarkChangeToPick measures from a change of the source until Pick returns the
// new node.
func BenchmarkChangeToPick(b *testing.B) {
	for _, nodes := range []int{1, 100} {
		b.Run(fmt.Sprintf("nodes=%d", nodes), func(b *testing.B) {
			n := 0
			next := func() *registry.Service {
				n++
				s := &registry.Service{Name: "shop"}
				for i := range nodes {
					s.Nodes = append(s.Nodes, &registry.Node{ID: fmt.Sprint(i), Address: fmt.Sprintf("10.0.0.%d:%d", i, n)})
				}
				return s
			}
			src := discovery.Static(next())
			r := discovery.New(src)
			defer r.Close()
			var took []time.Duration
			for b.Loop() {
				s := next()
				if err := src.Update(s); err != nil {
					b.Fatal(err)
				}
				suffix, began := fmt.Sprint(":", n), time.Now()
				for {
					p, err := r.Pick(b.Context(), "shop")
					if err != nil {
						b.Fatal(err)
					}
					p.Done(nil)
					if strings.HasSuffix(p.Node().Address, suffix) {
						break
					}
				}
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
		})
	}
}
