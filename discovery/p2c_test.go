package discovery

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/rollcall-go/rollcall/registry"
)

// shopOf is a shop of nodes n0 to n9, and more on request.
func shopOf(n int) *registry.Service {
	s := &registry.Service{Name: "shop"}
	for i := range n {
		s.Nodes = append(s.Nodes, &registry.Node{ID: fmt.Sprint("n", i), Address: fmt.Sprint("n", i, ":80")})
	}
	return s
}

// serve has 20 callers call a shop for a time, and counts the calls of each node. A call
// takes 10 ms and ends well, unless trouble says otherwise of a node.
func serve(t *testing.T, r *Resolver, d time.Duration, trouble func(id string) (time.Duration, error)) (count map[string]int, total int) {
	t.Helper()
	count = map[string]int{}
	end := time.Now().Add(d)
	var mu sync.Mutex
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			for time.Now().Before(end) {
				p, err := r.Pick(t.Context(), "shop")
				if err != nil {
					t.Error(err)
					return
				}
				id := p.Node().ID
				took, err := trouble(id)
				mu.Lock()
				count[id]++
				total++
				mu.Unlock()
				if took == 0 {
					took = 10 * time.Millisecond
				}
				time.Sleep(took)
				p.Done(err)
			}
		})
	}
	all.Wait()
	return count, total
}

// of makes a trouble that only one node has.
func of(bad string, took time.Duration, err error) func(string) (time.Duration, error) {
	return func(id string) (time.Duration, error) {
		if id == bad {
			return took, err
		}
		return 0, nil
	}
}

// P2C keeps calls off a node in trouble, through changes of the view, and comes back
// to it when that is over.
func TestP2CAvoidsTrouble(t *testing.T) {
	var calls atomic.Int64
	givenUp := func(id string) (time.Duration, error) {
		if id == "n3" && calls.Add(1)%3 == 0 {
			return 15 * time.Millisecond, context.Canceled
		}
		return 0, nil
	}
	for _, tc := range []struct {
		name    string
		trouble func(string) (time.Duration, error)
		share   float64 // of the calls that the node gets at most
		least   float64
	}{
		{"a hundred times slower", of("n3", time.Second, nil), 0.02, 0},
		{"fails at once", of("n3", time.Microsecond, errors.New("refused")), 0.02, 0},
		{"fails slowly", of("n3", 3*time.Second, context.DeadlineExceeded), 0.02, 0},
		{"a third of its callers give up", givenUp, 0.13, 0.07},
		{"it says no by itself", of("n3", 10*time.Millisecond, backoff.Permanent(errors.New("no such order"))), 0.12, 0.08},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				src := Static(shopOf(10))
				r := New(src)
				defer func() { _ = r.Close() }()
				for _, nodes := range []int{10, 11, 10} {
					if err := src.Update(shopOf(nodes)); err != nil {
						t.Fatal(err)
					}
					synctest.Wait()
					count, total := serve(t, r, 20*time.Second, tc.trouble)
					if got := float64(count["n3"]) / float64(total); got > tc.share || got < tc.least {
						t.Errorf("of %d nodes: %.2f%% of %d calls, want %v%% to %v%%", nodes, 100*got, total, 100*tc.least, 100*tc.share)
					}
				}
				fine := of("", 0, nil)
				serve(t, r, 2*time.Minute, fine)
				count, total := serve(t, r, 10*time.Second, fine)
				if got := float64(count["n3"]) / float64(total); got < 0.05 {
					t.Errorf("two minutes after the trouble it gets %.2f%% of the calls, want about 10%%", 100*got)
				}
			})
		})
	}
}

// A node that was slow is tried again also where calls are few, and gets its share.
func TestP2CTriesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(Static(shopOf(2)))
		defer func() { _ = r.Close() }()
		call := func(slow time.Duration) (id string) {
			p, err := r.Pick(t.Context(), "shop")
			if err != nil {
				t.Fatal(err)
			}
			id = p.Node().ID
			if id == "n1" {
				time.Sleep(slow)
			}
			time.Sleep(10 * time.Millisecond)
			p.Done(nil)
			time.Sleep(time.Second)
			return id
		}
		for others := 0; others < 15; others++ {
			if call(time.Second) == "n1" {
				others = -1
			}
		}
		calls := 0
		for call(0) != "n1" {
			if calls++; calls > 300 {
				t.Fatal("not in five minutes of a call each second")
			}
		}
		again := 0
		for range 300 {
			if call(0) == "n1" {
				again++
			}
		}
		if again < 75 {
			t.Errorf("after that it gets %d calls of 300", again)
		}
	})
}

// Calls that Ring has under way count after a change of the view, too.
func TestRingCountsThroughChanges(t *testing.T) {
	src := Static(shopOf(10))
	r := New(src, WithBalancer(Ring(1.25)))
	defer func() { _ = r.Close() }()
	count := map[string]int{}
	for i := range 200 {
		if i == 100 {
			services := shopOf(10)
			services.Metadata = map[string]string{"changed": "yes"}
			if err := src.Update(services); err != nil {
				t.Fatal(err)
			}
			for v := range r.Changes(t.Context(), "shop") {
				if v.Revision() == 2 {
					break
				}
			}
		}
		p, err := r.Pick(t.Context(), "shop", HashKey("one"))
		if err != nil {
			t.Fatal(err)
		}
		count[p.Node().ID]++
	}
	for id, n := range count {
		if n > 25 {
			t.Errorf("%s has %d of 200 calls, want at most 25", id, n)
		}
	}
}
