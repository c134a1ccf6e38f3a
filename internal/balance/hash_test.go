package balance

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// homes are the nodes that keys have where none is busy.
func homes(b Policy, members []Member, keys int) []string {
	p := b.Picker(members)
	ids := make([]string, keys)
	for i := range ids {
		picked := begin(members, p.Pick(manyKeys(i)), b.Tracks())
		ids[i] = *members[picked.member].ID
		picked.done()
	}
	return ids
}

// When one of 100 nodes leaves, at most 2% of the keys move besides its own.
func TestFewKeysMove(t *testing.T) {
	const keys = 50_000
	for _, b := range []Policy{Maglev{}, Ring{2}} {
		for _, weights := range [][]float64{{10}, {10, 20, 5}} {
			t.Run(fmt.Sprint(b, weights), func(t *testing.T) {
				members := crowd(100, weights...)
				before := homes(b, members, keys)
				for _, gone := range []int{0, 33, 50, 99} {
					after := homes(b, slices.Delete(slices.Clone(members), gone, gone+1), keys)
					moved := 0
					for i := range before {
						if before[i] != after[i] && before[i] != *members[gone].ID {
							moved++
						}
					}
					if moved > keys/50 {
						t.Errorf("%s leaves, and %.2f%% of the keys move besides its own", *members[gone].ID, 100*float64(moved)/keys)
					}
				}
			})
		}
	}
}

// The nodes of keys depend on IDs and weights alone: not on the order of the nodes, nor
// on the process. If this fails after a change, callers of two versions disagree.
func TestHomesAreTheSameEverywhere(t *testing.T) {
	members := crowd(20, 10)
	for _, b := range []Policy{Maglev{}, Ring{1.25}} {
		const want = "n12 n9 n5 n10 n7 n19 n0 n15 n17 n19 n6 n15"
		if got := strings.Join(homes(b, members, 12), " "); got != want {
			t.Errorf("%v: keys 0 to 11 are at %s, want %s", b, got, want)
		}
		mixed := slices.Clone(members)
		rand.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
		if !slices.Equal(homes(b, members, 1000), homes(b, mixed, 1000)) {
			t.Errorf("%v: the order of the nodes matters", b)
		}
	}
}

// Entries are shared out by weight, however far weights lie apart.
func TestLookupSharesByWeight(t *testing.T) {
	for _, tc := range []struct {
		n       int
		weights []float64
	}{{1, []float64{10}}, {3, []float64{1, 2, 4}}, {100, []float64{10}}, {100, []float64{1, 10, 100}}, {1000, []float64{3, 8}}} {
		members := crowd(tc.n, tc.weights...)
		table := lookup(members)
		count, total := map[int]int{}, 0.0
		for _, i := range table {
			count[int(i)]++
		}
		for _, m := range members {
			total += m.Weight
		}
		for i, m := range members {
			if want := m.Weight / total * float64(len(table)); math.Abs(float64(count[i])-want) > 2+want/50 {
				t.Errorf("%d nodes of weights %v: one of %v has %d of %d entries, want %.0f", tc.n, tc.weights, m.Weight, count[i], len(table), want)
			}
		}
	}
	lookup(append(crowd(9_999, 1), crowd(1, 1e9)...)) // ends
}

// The limit is that of numbers without rounding.
func TestRingLimit(t *testing.T) {
	for _, tc := range []struct{ load, share, under, want float64 }{
		{1.25, 0.1, 8, 1},
		{1.25, 0.1, 9, 2},
		{1.1, 0.1, 100, 11},
		{1.1, 0.1, 1000, 110},
		{2, 1, 1, 2},
	} {
		r := room{share: tc.load * tc.share}
		if got := r.limit(tc.under); got != tc.want {
			t.Errorf("load %v, %v of %v calls: limit %v, want %v", tc.load, tc.share, tc.under, got, tc.want)
		}
	}
}

// All keys are one: the calls spill over, and no node ever has more than its share.
func TestRingKeepsItsBound(t *testing.T) {
	for _, load := range []float64{1.0001, 1.25, 3} {
		members := crowd(10, 10, 30)
		count := hold(Ring{load}, members, 1000, func(int) uint64 { return 42 })
		for i, n := range count {
			m := members[i]
			if limit := math.Ceil(load * 1000 * m.Weight / 200); float64(n) > limit {
				t.Errorf("load %v: a node of weight %v has %d of 1000 calls, want at most %v", load, m.Weight, n, limit)
			}
		}
	}
}

// The bound holds while many goroutines begin and end calls at once. At most workers
// calls are under way at any moment; no node may ever have more than its share of that.
func TestRingKeepsItsBoundAtOnce(t *testing.T) {
	const workers, load = 64, 1.25
	members := crowd(10, 10)
	limit := int64(math.Ceil(load * workers / 10))
	b := Ring{load}
	p := b.Picker(members)
	var all sync.WaitGroup
	var most atomic.Int64
	for w := range workers {
		all.Go(func() {
			for i := range 500 {
				picked := begin(members, p.Pick(7), b.Tracks()) // the hardest: all want one node
				if n := picked.load.bounded.Load(); n > most.Load() {
					most.Store(n)
				}
				if i < 499 || w%2 == 0 {
					picked.done()
				}
			}
		})
	}
	all.Wait()
	if most.Load() > limit {
		t.Errorf("a node had %d calls, want at most %d", most.Load(), limit)
	}
	held := int64(0)
	for _, m := range members {
		held += m.Load.bounded.Load()
	}
	if under := members[0].Load.ring.Load(); held != workers/2 || under != held {
		t.Errorf("%d calls are held, of %d under way, want %d", held, under, workers/2)
	}
}
