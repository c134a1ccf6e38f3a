package views

import (
	"fmt"
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
