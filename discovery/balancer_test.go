package discovery

import (
	"fmt"
	"math"
	"strconv"
	"sync"
	"testing"

	"github.com/rollcall-go/rollcall/registry"
)

// everyBalancer is one of each.
var everyBalancer = []Balancer{
	Random(), RoundRobin(), WeightedRandom(), WeightedRoundRobin(), P2C(), LeastLoaded(), Maglev(), Ring(1.25),
}

// crowd makes members n0, n1 and so on, of these weights in turn.
func crowd(n int, weights ...float64) []*member {
	s := &service{r: &Resolver{}}
	members := make([]*member, n)
	for i := range members {
		members[i] = &member{
			Node:   &registry.Node{ID: fmt.Sprint("n", i)},
			weight: weights[i%len(weights)],
			state:  &nodeState{load: load{ring: &s.ring}},
		}
	}
	return members
}

// hold picks n times, and ends none of the calls.
func hold(b Balancer, members []*member, n int, key func(int) uint64) map[*member]int {
	count, p, s := map[*member]int{}, b.picker(members), &service{r: &Resolver{}}
	for i := range n {
		count[s.begin(p.pick(key(i)), b.tracks()).m]++
	}
	return count
}

func noKey(int) uint64 { return 0 }

// manyKeys are numbers without a pattern.
func manyKeys(i int) uint64 {
	q := ask([]PickOption{HashKey(strconv.Itoa(i))})
	return q.key
}

// wantShares checks by chi-squared that nodes were picked as often as their weights ask
// for. It is wrong about a right balancer once in a thousand million times.
func wantShares(t *testing.T, members []*member, count map[*member]int) {
	t.Helper()
	total, picks, chi2 := 0.0, 0, 0.0
	for _, m := range members {
		total, picks = total+m.weight, picks+count[m]
	}
	for _, m := range members {
		want := float64(picks) * m.weight / total
		chi2 += (float64(count[m]) - want) * (float64(count[m]) - want) / want
	}
	// Wilson and Hilferty's approximation, 6 standard deviations out.
	df := float64(len(members) - 1)
	if limit := df * math.Pow(1-2/(9*df)+6*math.Sqrt(2/(9*df)), 3); chi2 > limit {
		t.Errorf("chi-squared %.0f, want at most %.0f", chi2, limit)
	}
}

// Balancers that draw do so in the right shares.
func TestDrawsByChiSquared(t *testing.T) {
	equal, uneven := []float64{10}, []float64{1, 2, 10, 0.1, 40}
	for _, tc := range []struct {
		b       Balancer
		weights []float64
	}{
		{Random(), equal},
		{RoundRobin(), equal},
		{WeightedRandom(), equal},
		{WeightedRandom(), uneven},
		{WeightedRoundRobin(), equal},
	} {
		for _, n := range []int{2, 10, 1000} {
			t.Run(fmt.Sprint(tc.b, " of ", n, " by ", tc.weights), func(t *testing.T) {
				members := crowd(n, tc.weights...)
				wantShares(t, members, hold(tc.b, members, 100*n+100_000, noKey))
			})
		}
	}
}

// Where calls pile up, nodes have as many under way as their weights ask for; by P2C,
// about as many, since a quarter more or less is the same to it.
func TestWeightsUnderLoad(t *testing.T) {
	for _, b := range []Balancer{WeightedRoundRobin(), P2C(), LeastLoaded(), Maglev(), Ring(1.01)} {
		slack := 0.1
		if b == P2C() {
			slack = 0.3
		}
		for _, keys := range []func(int) uint64{noKey, manyKeys} {
			members := crowd(10, 10, 20)
			for m, got := range hold(b, members, 25_000, keys) {
				if want := m.weight * 25_000 / 150; math.Abs(float64(got)-want) > want*slack {
					t.Errorf("%v: a node of weight %v has %d calls of 25000, want about %v", b, m.weight, got, want)
				}
			}
		}
	}
}

// One node is picked each time; many are all in reach; many goroutines pick at once.
func TestCrowds(t *testing.T) {
	for _, b := range everyBalancer {
		for _, n := range []int{1, 2, 7, 9, 10_000} {
			t.Run(fmt.Sprint(b, " of ", n), func(t *testing.T) {
				t.Parallel()
				members := crowd(n, 10)
				p, s := b.picker(members), &service{r: &Resolver{}}
				var mu sync.Mutex
				count := map[*member]int{}
				var all sync.WaitGroup
				for w := range 4 {
					all.Go(func() {
						for i := range 1000 {
							picked := s.begin(p.pick(manyKeys(1000*w+i)), b.tracks())
							mu.Lock()
							count[picked.m]++
							mu.Unlock()
							picked.Done(nil)
						}
					})
				}
				all.Wait()
				if len(count) < min(n, 1000) && len(count) < n {
					t.Errorf("only %d are ever picked", len(count))
				}
				for _, m := range members {
					l := &m.state.load
					if l.calls.Load() != 0 || l.bounded.Load() != 0 || l.ring.Load() != 0 {
						t.Fatalf("calls are over, and %d, %d and %d under way", l.calls.Load(), l.bounded.Load(), l.ring.Load())
					}
				}
			})
		}
	}
}

// LeastLoaded of a few finds the very least.
func TestLeastLoadedIsExact(t *testing.T) {
	members := crowd(8, 10, 20)
	p := LeastLoaded().picker(members)
	for _, free := range members {
		for _, m := range members {
			m.state.load.calls.Store(100)
		}
		free.state.load.calls.Store(10)
		for range 100 {
			if got := p.pick(0); got != free {
				t.Fatalf("it picks %s, of 100 calls, and not %s", got.ID, free.ID)
			}
		}
	}
}
