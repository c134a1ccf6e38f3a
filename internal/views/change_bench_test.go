package views

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/balance"
	"github.com/rollcall-go/rollcall/internal/ejection"
	"github.com/rollcall-go/rollcall/internal/listed"
	"github.com/rollcall-go/rollcall/registry"
)

// A silent source has no views: the tests give them to the service.
type silent struct{}

func (silent) Follow(string, ...registry.FollowOption) (registry.Follower, error) {
	return silent{}, nil
}
func (silent) Stop() {}
func (silent) Next(ctx context.Context) (*registry.View, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// newTestHub returns a hub that the test closes, and a service without a view.
func newTestHub(tb testing.TB) (*Hub, *Service) {
	tb.Helper()
	h := New(Config{
		Source: silent{}, Namespace: func(asked string) string { return asked }, Balance: balance.P2C{},
		Timeout: time.Second, IdleTimeout: time.Hour, Guard: 0.5, Logger: zerolog.Nop(),
		Ejection: ejection.Policy{Failures: 5, Base: time.Second, Longest: time.Minute},
		Public:   func(*View) any { return nil },
	})
	tb.Cleanup(func() { _ = h.Close() })
	s, err := h.open(listed.Name{Service: "shop"}, 1)
	if err != nil {
		tb.Fatal(err)
	}
	return h, s
}

// What a change of one node costs, with the nodes that stay the same pointers, and what it
// costs with a pick after it, of all nodes and of those with a label.
func BenchmarkChange(b *testing.B) {
	for _, n := range []int{100, 1000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) { change(b, n, func(*Table) {}) })
		b.Run(fmt.Sprint(n, "/picked"), func(b *testing.B) { change(b, n, func(t *Table) { t.Pick(0) }) })
		green := &Selection{Labels: [MaxLabels]Label{{"colour", "green"}}} // half of them
		b.Run(fmt.Sprint(n, "/selected"), func(b *testing.B) { change(b, n, func(t *Table) { t.Select(green).Pick(0) }) })
	}
}

func change(b *testing.B, n int, then func(*Table)) {
	_, s := newTestHub(b)
	nodes := make([]*registry.Node, n)
	for i := range nodes {
		nodes[i] = &registry.Node{
			ID: fmt.Sprintf("10.0.%d.%d:80", i/250, i%250), Address: fmt.Sprintf("10.0.%d.%d:80", i/250, i%250),
			Metadata: map[string]string{"colour": [2]string{"green", "blue"}[i%2], "rack": fmt.Sprint(i % 10)},
		}
	}
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		i++
		changed := *nodes[i%n]
		changed.Weight = 10 + i%2
		nodes[i%n] = &changed
		s.update(&registry.View{
			Services: []*registry.Service{{Name: "shop", Nodes: append([]*registry.Node(nil), nodes...)}},
			Revision: uint64(i), History: "h",
		})
		then(s.table.Load())
	}
}
