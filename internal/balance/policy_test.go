package balance

import (
	"fmt"
	"math"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"
)

// everyPolicy is one of each.
var everyPolicy = []Policy{
	Random{}, RoundRobin{}, WeightedRandom{}, WeightedRoundRobin{}, P2C{}, LeastLoaded{}, Maglev{}, Ring{1.25},
}

// crowd makes members n0, n1 and so on, of these weights in turn.
func crowd(n int, weights ...float64) []Member {
	var ring atomic.Int64
	members := make([]Member, n)
	for i := range members {
		members[i] = Member{ID: new(fmt.Sprint("n", i)), Weight: weights[i%len(weights)], Load: &Load{ring: &ring}}
	}
	return members
}

// A call is one to a member.
type call struct {
	member  int
	load    *Load
	tracked Tracking
	began   time.Duration
}

func begin(members []Member, member int, tracked Tracking) call {
	c := call{member: member, load: members[member].Load, tracked: tracked}
	if tracked == Timed {
		c.began = c.load.Begin(uint32(Now() / (time.Second / 4)))
	}
	return c
}

func (c call) done() { c.load.Done(c.tracked, c.began, OK) }

// hold picks n times, and ends none of the calls.
func hold(b Policy, members []Member, n int, key func(int) uint64) map[int]int {
	count, p := map[int]int{}, b.Picker(members)
	for i := range n {
		count[begin(members, p.Pick(key(i)), b.Tracks()).member]++
	}
	return count
}

func noKey(int) uint64 { return 0 }

// manyKeys are numbers without a pattern.
func manyKeys(i int) uint64 { return max(1, xxhash.Sum64String(strconv.Itoa(i))) }

// wantShares checks by chi-squared that nodes were picked as often as their weights ask
// for. It is wrong about a right balancer once in a thousand million times.
func wantShares(t *testing.T, members []Member, count map[int]int) {
	t.Helper()
	total, picks, chi2 := 0.0, 0, 0.0
	for i, m := range members {
		total, picks = total+m.Weight, picks+count[i]
	}
	for i, m := range members {
		want := float64(picks) * m.Weight / total
		chi2 += (float64(count[i]) - want) * (float64(count[i]) - want) / want
	}
	// Wilson and Hilferty's approximation, 6 standard deviations out.
	df := float64(len(members) - 1)
	if limit := df * math.Pow(1-2/(9*df)+6*math.Sqrt(2/(9*df)), 3); chi2 > limit {
		t.Errorf("chi-squared %.0f, want at most %.0f", chi2, limit)
	}
}

// Policys that draw do so in the right shares.
func TestDrawsByChiSquared(t *testing.T) {
	equal, uneven := []float64{10}, []float64{1, 2, 10, 0.1, 40}
	for _, tc := range []struct {
		b       Policy
		weights []float64
	}{
		{Random{}, equal},
		{RoundRobin{}, equal},
		{WeightedRandom{}, equal},
		{WeightedRandom{}, uneven},
		{WeightedRoundRobin{}, equal},
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
	for _, b := range []Policy{WeightedRoundRobin{}, P2C{}, LeastLoaded{}, Maglev{}, Ring{1.01}} {
		slack := 0.1
		if b == (P2C{}) {
			slack = 0.3
		}
		for _, keys := range []func(int) uint64{noKey, manyKeys} {
			members := crowd(10, 10, 20)
			for i, got := range hold(b, members, 25_000, keys) {
				m := members[i]
				if want := m.Weight * 25_000 / 150; math.Abs(float64(got)-want) > want*slack {
					t.Errorf("%v: a node of weight %v has %d calls of 25000, want about %v", b, m.Weight, got, want)
				}
			}
		}
	}
}

// One node is picked each time; many are all in reach; many goroutines pick at once.
func TestCrowds(t *testing.T) {
	for _, b := range everyPolicy {
		for _, n := range []int{1, 2, 7, 9, 10_000} {
			t.Run(fmt.Sprint(b, " of ", n), func(t *testing.T) {
				t.Parallel()
				members := crowd(n, 10)
				p := b.Picker(members)
				var mu sync.Mutex
				count := map[int]int{}
				var all sync.WaitGroup
				for w := range 4 {
					all.Go(func() {
						for i := range 1000 {
							picked := begin(members, p.Pick(manyKeys(1000*w+i)), b.Tracks())
							mu.Lock()
							count[picked.member]++
							mu.Unlock()
							picked.done()
						}
					})
				}
				all.Wait()
				if len(count) < min(n, 1000) && len(count) < n {
					t.Errorf("only %d are ever picked", len(count))
				}
				for _, m := range members {
					l := m.Load
					if l.underWay() != 0 || l.bounded.Load() != 0 || l.ring.Load() != 0 {
						t.Fatalf("calls are over, and %d, %d and %d under way", l.underWay(), l.bounded.Load(), l.ring.Load())
					}
				}
			})
		}
	}
}

// LeastLoaded of a few finds the very least.
func TestLeastLoadedIsExact(t *testing.T) {
	members := crowd(8, 10, 20)
	p := LeastLoaded{}.Picker(members)
	for free := range members {
		for _, m := range members {
			m.Load.calls.Store(100)
		}
		members[free].Load.calls.Store(10)
		for range 100 {
			if got := p.Pick(0); got != free {
				t.Fatalf("it picks %s, of 100 calls, and not %s", *members[got].ID, *members[free].ID)
			}
		}
	}
}
