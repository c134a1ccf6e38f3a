package balance

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A load pattern says how calls come and how long the nodes take. All times are those
// of synctest.
type pattern struct {
	name    string
	callers int           // that call one after the other; 0: a call comes every gap
	gap     time.Duration // also of a caller, between two calls
	took    func(rnd *rand.Rand, call, node int) time.Duration
}

const ms = time.Millisecond

func steady(d time.Duration) func(*rand.Rand, int, int) time.Duration {
	return func(*rand.Rand, int, int) time.Duration { return d }
}

// exponential has most calls faster than the mean and some several times slower.
func exponential(mean time.Duration) func(*rand.Rand, int, int) time.Duration {
	return func(rnd *rand.Rand, _, _ int) time.Duration { return time.Duration(rnd.ExpFloat64() * float64(mean)) }
}

// outliers has one call in so many take long.
func outliers(in int, fast, slow time.Duration) func(*rand.Rand, int, int) time.Duration {
	return func(rnd *rand.Rand, _, _ int) time.Duration {
		if rnd.IntN(in) == 0 {
			return slow
		}
		return fast - time.Duration(rnd.Int64N(int64(fast/2)))
	}
}

// equals are patterns of nodes among which none is in trouble.
var equals = []pattern{
	{"one caller, idle nodes", 1, 0, steady(6 * ms)},
	{"one caller, very fast nodes", 1, 0, steady(ms / 2)},
	{"one caller, few calls a second", 1, 4 * ms, steady(4 * ms)},
	{"one slow answer in 200, one caller", 1, 0, outliers(200, 7*ms, 300*ms)},
	{"one slow answer in 200, 158 calls a second", 0, time.Second / 158, outliers(200, 7*ms, time.Second)},
	{"one slow answer in 200, 20 callers", 20, 0, outliers(200, 20*ms, 500*time.Millisecond)},
	{"every 200th answer slow", 0, time.Second / 158, func(_ *rand.Rand, call, _ int) time.Duration {
		if call%200 == 199 {
			return time.Second
		}
		return 5 * ms
	}},
	{"the first answer of one node slow", 1, 0, func(_ *rand.Rand, call, node int) time.Duration {
		if call < 2 && node == 0 {
			return time.Second
		}
		return 5 * ms
	}},
	{"twice as slow as another, one caller", 1, 0, func(_ *rand.Rand, _, node int) time.Duration {
		return 4 * ms << (node % 2)
	}},
	{"twice as slow as another, 20 callers", 20, 0, func(_ *rand.Rand, _, node int) time.Duration {
		return 10 * ms << (node % 2)
	}},
	{"jitter, one caller", 1, 0, exponential(5 * ms)},
	{"jitter, 20 callers", 20, 0, exponential(20 * ms)},
	{"heavy and light calls in turn", 1, 0, func(_ *rand.Rand, call, _ int) time.Duration {
		return ms + time.Duration(call%2)*8*ms
	}},
}

// A served call.
type served struct {
	at   time.Time
	node int
}

// play has a pattern call nodes of these weights for a time.
func play(t *testing.T, seed uint64, b Policy, p pattern, d time.Duration, weights ...float64) []served {
	t.Helper()
	members := crowd(len(weights), weights...)
	var calls []served
	synctest.Test(t, func(t *testing.T) {
		picker := b.Picker(members)
		switch p := picker.(type) { // which begin anywhere
		case *p2cPicker:
			p.rotation.next.Store(uint32(scramble(seed)))
		case *leastPicker:
			p.rotation.next.Store(uint32(scramble(seed)))
		}
		rnd, end := rand.New(rand.NewPCG(seed, 1)), time.Now().Add(d)
		var mu sync.Mutex
		call := func() {
			picked := begin(members, picker.Pick(0), b.Tracks())
			node := picked.member
			mu.Lock()
			took := p.took(rnd, len(calls), node)
			calls = append(calls, served{time.Now(), node})
			mu.Unlock()
			time.Sleep(took)
			picked.done()
		}
		var all sync.WaitGroup
		for range p.callers {
			all.Go(func() {
				for time.Now().Before(end) {
					call()
					time.Sleep(p.gap)
				}
			})
		}
		for p.callers == 0 && time.Now().Before(end) {
			all.Go(call)
			time.Sleep(p.gap)
		}
		all.Wait()
	})
	return calls
}

// worstShare is the least part of its fair share that a node gets in a second of at
// least 100 calls, and the number of such seconds.
func worstShare(calls []served, fair []float64) (worst float64, seconds int) {
	worst = math.Inf(1)
	count := make([]int, len(fair))
	from := 0
	for to, c := range calls {
		count[c.node]++
		for c.at.Sub(calls[from].at) >= time.Second {
			if n := to - from; n >= 100 { // the second before c, without it
				seconds++
				for node, share := range fair {
					got := count[node]
					if node == c.node {
						got--
					}
					worst = min(worst, float64(got)/(share*float64(n)))
				}
			}
			count[calls[from].node]--
			from++
		}
	}
	return worst, seconds
}

// idle are the patterns in which few calls are under way: a policy that looks at these alone
// takes a call that hangs for a sign of trouble.
func idle(p pattern) bool { return p.callers == 1 }

// Of equals none falls under half of its fair share in any second of at least 100 calls.
func TestEqualsAreNotStarved(t *testing.T) {
	for _, b := range []Policy{P2C{}, LeastLoaded{}, RoundRobin{}} {
		for _, nodes := range []int{2, 10} {
			for _, p := range equals {
				if b == (LeastLoaded{}) && !idle(p) {
					continue
				}
				t.Run(fmt.Sprintf("%v/%d/%s", b, nodes, p.name), func(t *testing.T) {
					t.Parallel()
					fair := slices.Repeat([]float64{1 / float64(nodes)}, nodes)
					for seed := range uint64(10) {
						worst, seconds := worstShare(play(t, seed, b, p, 10*time.Second, fair...), fair)
						if worst < 0.5 || seconds == 0 {
							t.Errorf("seed %d: a node gets %.2f of its share in one of %d seconds, want half at least", seed, worst, seconds)
						}
					}
				})
			}
		}
	}
}

// Idle nodes get calls by their weights at any moment: none falls under half of that
// in any second of at least 100 calls.
func TestLightNodesAreNotStarved(t *testing.T) {
	for _, b := range []Policy{P2C{}, LeastLoaded{}, WeightedRoundRobin{}} {
		for _, weights := range [][]float64{{10, 14}, {10, 1}, {10, 20, 30}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}} {
			for _, p := range []pattern{equals[0], equals[1]} {
				t.Run(fmt.Sprint(b, weights, p.name), func(t *testing.T) {
					t.Parallel()
					fair, total := slices.Clone(weights), 0.0
					for _, w := range weights {
						total += w
					}
					for i := range fair {
						fair[i] /= total
					}
					for seed := range uint64(10) {
						worst, seconds := worstShare(play(t, seed, b, p, 3*time.Second, weights...), fair)
						if worst < 0.5 || seconds == 0 {
							t.Errorf("seed %d: a node gets %.2f of its share in one of %d seconds, want half at least", seed, worst, seconds)
						}
					}
				})
			}
		}
	}
}

// A node that is a hundred times slower gets under 2 % of the calls of three minutes.
func TestSlowNodesAreLeftAlone(t *testing.T) {
	slow := func(fast time.Duration) func(*rand.Rand, int, int) time.Duration {
		return func(rnd *rand.Rand, _, node int) time.Duration {
			d := fast/2 + time.Duration(rnd.Int64N(int64(fast)))
			if node == 0 {
				d *= 100
			}
			return d
		}
	}
	for _, nodes := range []int{2, 10} {
		for _, p := range []pattern{
			{"one caller", 1, 0, slow(5 * ms)},
			{"one caller, ten calls a second", 1, 100 * ms, slow(5 * ms)},
			{"158 calls a second", 0, time.Second / 158, slow(5 * ms)},
			{"20 callers", 20, 0, slow(10 * ms)},
		} {
			t.Run(fmt.Sprintf("%d/%s", nodes, p.name), func(t *testing.T) {
				t.Parallel()
				for seed := range uint64(5) {
					calls, n := play(t, seed, P2C{}, p, 3*time.Minute, slices.Repeat([]float64{10}, nodes)...), 0
					for _, c := range calls {
						if c.node == 0 {
							n++
						}
					}
					if share := float64(n) / float64(len(calls)); share >= 0.02 {
						t.Errorf("seed %d: %d calls of %d, %.2f %%, want under 2 %%", seed, n, len(calls), 100*share)
					}
				}
			})
		}
	}
}
