package balance

import (
	"container/heap"
	"math"
	"math/rand/v2"
	"sync/atomic"
)

// WeightedRoundRobin is the policy of discovery.WeightedRoundRobin, which describes it.
type WeightedRoundRobin struct{}

func (WeightedRoundRobin) String() string   { return "weighted round robin" }
func (WeightedRoundRobin) Tracks() Tracking { return Untracked }
func (WeightedRoundRobin) Slow() bool       { return true }

func (WeightedRoundRobin) Picker(members []Member) Picker {
	p := &turnsPicker{turns: turns(members)}
	p.number = newDivisor(len(p.turns))
	p.next.Store(rand.Uint32())
	return p
}

type turnsPicker struct {
	turns  []uint32 // indices of members
	number divisor  // of turns
	next   atomic.Uint32
}

func (p *turnsPicker) Pick(uint64) int { return int(p.turns[p.number.rest(p.next.Add(1))]) }

// maxTurns is how many turns there are at most, for each member on average.
const maxTurns = 64

// turns is the order in which members are picked: each has its turns at equal
// distances. They begin scattered over the first of these, or members of equal weight
// would all come at the same time, and the turns of the others be crowded between.
func turns(members []Member) []uint32 {
	var q deadlines
	total := 0
	for i, n := range quotas(members, maxTurns*len(members)) {
		total += n
		_, scattered := math.Modf(float64(i) * math.Phi)
		q = append(q, deadline{at: scattered / float64(n), every: 1 / float64(n), index: i})
	}
	heap.Init(&q)
	order := make([]uint32, total)
	for i := range order {
		order[i] = uint32(q[0].index)
		q[0].at += q[0].every
		heap.Fix(&q, 0)
	}
	return order
}

// quotas are whole numbers in proportion to the weights, from 1 up, with a sum of
// about limit at most. Weights are multiples of a tenth, as slow starts make them.
func quotas(members []Member, limit int) []int {
	counts := make([]int, len(members))
	divisor, sum := 0, 0.0
	for i, m := range members {
		counts[i] = max(1, int(min(math.Round(10*m.Weight), 1<<50)))
		divisor, sum = gcd(divisor, counts[i]), sum+float64(counts[i])
	}
	scale := min(1/float64(divisor), float64(limit)/sum)
	for i := range counts {
		counts[i] = max(1, int(math.Round(float64(counts[i])*scale)))
	}
	return counts
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// deadlines are when members have their next turn: a heap.
type deadlines []deadline

type deadline struct {
	at, every float64
	index     int
}

func (q deadlines) Len() int { return len(q) }
func (q deadlines) Less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].index < q[j].index
}
func (q deadlines) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *deadlines) Push(d any)   { *q = append(*q, d.(deadline)) }
func (q *deadlines) Pop() any     { panic("nothing is popped") }
