package views

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/rollcall-go/rollcall/internal/balance"
	"github.com/rollcall-go/rollcall/registry"
)

// A counted policy counts the pickers that it makes.
type counted struct {
	balance.Random
	slow bool
	made *atomic.Int64
}

func (c counted) Slow() bool { return c.slow }
func (c counted) Picker(members []balance.Member) balance.Picker {
	c.made.Add(1)
	return c.Random.Picker(members)
}

// Changes between two picks cost one picker, which the next pick makes. One that takes long
// is made at each change, so that no pick waits for it.
func TestPickersAreMadeAtTheFirstPick(t *testing.T) {
	for slow, want := range map[bool]int64{false: 1, true: 100} {
		t.Run(fmt.Sprintf("slow=%v", slow), func(t *testing.T) {
			h, s := newTestHub(t)
			var made atomic.Int64
			h.c.Balance = counted{slow: slow, made: &made}
			for i := range 100 {
				s.update(&registry.View{
					Services: []*registry.Service{{Name: "shop", Nodes: []*registry.Node{{ID: "a", Address: fmt.Sprint("a:", i)}}}},
					Revision: uint64(i), History: "h",
				})
			}
			var picks sync.WaitGroup
			for range 8 {
				picks.Go(func() {
					if m := s.table.Load().Pick(0); m.Address != "a:99" {
						t.Errorf("picked %s, want the newest, a:99", m.Address)
					}
				})
			}
			picks.Wait()
			if n := made.Load(); n != want {
				t.Errorf("%d pickers were made for 100 changes and 8 picks after them, want %d", n, want)
			}
		})
	}
}

// After a change, a filter is asked about the nodes that changed, and about no other. What it
// leaves is what it would leave of the view if it knew no older one.
func TestASelectionOfAChange(t *testing.T) {
	_, s := newTestHub(t)
	asked := 0
	even := &Selection{Filter: &Filter{Keep: func(n *registry.Node) bool {
		asked++
		return n.Weight%2 == 0
	}}}
	rng := rand.New(rand.NewPCG(1, 2))
	nodes, changed := map[string]*registry.Node{}, map[string]bool{}
	for step := range 500 {
		for range rng.IntN(3) {
			id := fmt.Sprint("node", rng.IntN(40))
			if rng.IntN(3) == 0 {
				delete(nodes, id)
				delete(changed, id)
				continue
			}
			nodes[id] = &registry.Node{ID: id, Address: "a:1", Weight: rng.IntN(9)}
			changed[id] = true
		}
		shop := [2]*registry.Service{{Name: "shop", Version: "1"}, {Name: "shop", Version: "2"}}
		for id, n := range nodes {
			of := shop[len(id)%2] // a node keeps its version
			of.Nodes = append(of.Nodes, n)
		}
		var want []string
		for _, of := range shop {
			slices.SortFunc(of.Nodes, func(a, b *registry.Node) int { return strings.Compare(a.ID, b.ID) })
			for _, n := range of.Nodes {
				if n.Weight%2 == 0 {
					want = append(want, n.ID)
				}
			}
		}
		s.update(&registry.View{Services: shop[:], Revision: uint64(step), History: "h"})
		if rng.IntN(4) == 0 {
			continue // no call comes between two changes
		}
		asked = 0
		var got []string
		for _, n := range s.table.Load().Select(even).View.Nodes {
			got = append(got, n.ID)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("step %d: the filter left %q, want %q", step, got, want)
		}
		if asked != len(changed) {
			t.Errorf("step %d: the filter was asked about %d nodes of %d, and %d changed", step, asked, len(nodes), len(changed))
		}
		clear(changed)
	}
}

// A selection that leaves no node out is the set of all: it costs nothing to keep.
func TestASelectionOfAll(t *testing.T) {
	_, s := newTestHub(t)
	s.update(&registry.View{Services: []*registry.Service{{Name: "shop", Version: "1", Nodes: []*registry.Node{
		{ID: "a", Address: "a:1", Zone: "eu", Metadata: map[string]string{"tier": "gold"}}, {ID: "b", Address: "b:1", Zone: "us", Metadata: map[string]string{"tier": "gold"}},
	}}}, Revision: 1, History: "h"})
	table := s.table.Load()
	gold := [MaxLabels]Label{{"tier", "gold"}}
	for _, all := range []*Selection{{ByVersion: true, Version: "1"}, {Labels: gold}} {
		if table.Select(all) != &table.Set {
			t.Errorf("%s leaves a set of its own", all)
		}
	}
	if near := table.Select(&Selection{Labels: gold, Zone: "eu"}); len(near.Members) != 1 || len(near.View.Nodes) != 2 {
		t.Errorf("the zone has %d nodes to call, of %d, want 1 of 2", len(near.Members), len(near.View.Nodes))
	}
}
