package top

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-go/rollcall/registry"
)

func view(revision uint64, history string, nodes ...*registry.Node) *registry.View {
	return &registry.View{Revision: revision, History: history, Services: []*registry.Service{{Name: "shop", Nodes: nodes}}}
}

func TestCount(t *testing.T) {
	a, b, c := &registry.Node{ID: "a"}, &registry.Node{ID: "b", Status: registry.Draining}, &registry.Node{ID: "c", Weight: registry.NoTraffic}
	s := &service{row: row{Service: "shop"}}
	lost := view(1, "new", a)
	lost.Lapsed = make([]registry.Lapse, 2)
	lost.StaleSince, lost.Err = time.Date(2026, 1, 1, 10, 11, 12, 0, time.Local), errors.New("away")
	for i, step := range []struct {
		view *registry.View
		want row
	}{
		{nil, row{Service: "shop", Health: "not read yet"}},
		{view(10, "h", a, b), row{Service: "shop", Nodes: 2, Up: 1, Draining: 1, Health: "live"}},
		{view(20, "h", b, c), row{Service: "shop", Nodes: 2, Draining: 1, Joined: 0.5, Left: 0.5, Changes: 5, Health: "live"}},
		{nil, row{Service: "shop", Nodes: 2, Draining: 1, Health: "live"}}, // nothing has changed
		{lost, row{Service: "shop", Nodes: 1, Up: 1, Expired: 2, Joined: 0.5, Left: 1, Health: "Redis is away since 10:11:12"}},
	} {
		if step.view != nil {
			s.view = step.view
		}
		s.count(2 * time.Second)
		if diff := cmp.Diff(step.want, s.row); diff != "" {
			t.Errorf("step %d: %s", i, diff)
		}
	}
}

func TestSortRows(t *testing.T) {
	rows := []row{{Service: "c", Nodes: 1}, {Service: "a", Nodes: 2}, {Service: "b", Nodes: 1}}
	sortRows(rows, orders["nodes"])
	if got := rows[0].Service + rows[1].Service + rows[2].Service; got != "abc" {
		t.Error(got)
	}
}

// The work of top for one refresh of a service of 10,000 nodes of which one has changed.
func BenchmarkCount10000(b *testing.B) {
	nodes := make([]*registry.Node, 10000)
	for i := range nodes {
		nodes[i] = &registry.Node{ID: fmt.Sprintf("10.0.%d.%d:8080", i>>8, i&255)}
	}
	s := &service{row: row{Service: "shop"}}
	for i := 0; b.Loop(); i++ {
		s.view = view(uint64(i), "h", nodes...)
		s.count(time.Second)
	}
}
