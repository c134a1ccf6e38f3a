package registry_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// What is read of many services takes a trip for a page of them, and not one for each.
func TestReadingManyServicesTakesFewTrips(t *testing.T) {
	t.Parallel()
	const services, most = 300, 10
	server := redistest.Start(t)
	writer := open(t, at(server), registry.TTL(time.Hour))
	r, sent := quiet(t, server) // it has no nodes, and so sends nothing by itself
	op := r.Operator("alice")
	for i := range services {
		name := fmt.Sprintf("shop-%03d", i)
		register(t, writer, service(name, node("b"), node("a")))
		must(t, op.Set(t.Context(), name, "a", registry.Override{Status: draining(), For: time.Hour}))
	}
	few := func(what string, read func()) {
		t.Helper()
		if n := strings.Count(sent.during(read), " ") + 1; n > most {
			t.Errorf("%s: %d trips for %d services, want at most %d", what, n, services, most)
		}
	}
	few("nodes", func() {
		nodes, err := op.Nodes(t.Context(), "")
		must(t, err)
		for i, n := range nodes {
			name, id, status := fmt.Sprintf("shop-%03d", i/2), []string{"a", "b"}[i%2], []registry.Status{registry.Draining, registry.Up}[i%2]
			if n.Service != name || n.Node.ID != id || n.Node.Status != status || time.Until(n.LeaseEnds) < 59*time.Minute {
				t.Fatalf("%d is %s/%s, status %v, until %v", i, n.Service, n.Node.ID, n.Node.Status, n.LeaseEnds)
			}
		}
		if len(nodes) != 2*services {
			t.Errorf("%d nodes", len(nodes))
		}
	})
	few("overrides", func() {
		set, err := op.Overrides(t.Context(), "")
		must(t, err)
		for i, o := range set {
			if name := fmt.Sprintf("shop-%03d", i); o.Service != name || o.Node != "a" || !o.InForce {
				t.Fatalf("%d is %+v", i, o)
			}
		}
		if len(set) != services {
			t.Errorf("%d overrides", len(set))
		}
	})
	few("services", func() {
		all, err := r.ListServices(t.Context())
		must(t, err)
		if len(all) != services {
			t.Errorf("%d services", len(all))
		}
	})
}

// BenchmarkOperatorNodes reads the nodes of a whole namespace.
func BenchmarkOperatorNodes(b *testing.B) {
	for _, services := range []int{100, 1000} {
		b.Run(fmt.Sprintf("services=%d", services), func(b *testing.B) {
			r := benched(b, redistest.Start(b))
			for i := range services {
				if err := r.Register(b.Context(), service(fmt.Sprint("shop-", i), node("a")), registry.RegisterManual(), registry.RegisterTTL(time.Hour)); err != nil {
					b.Fatal(err)
				}
			}
			for b.Loop() {
				if nodes, err := r.Operator("").Nodes(b.Context(), ""); err != nil || len(nodes) != services {
					b.Fatalf("%d nodes, %v", len(nodes), err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*services), "us/service")
		})
	}
}
