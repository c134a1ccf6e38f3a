package balance

import (
	"math"
	"math/rand/v2"
	"sync/atomic"
)

// A rotation is an order in which members take turns: each as often as its weight asks
// for, in any stretch of it, at a cost that does not grow with the members.
//
// In each round every column of the alias method has one turn. The column gives it to its
// own member or to its alias by the fractional parts of the multiples of the golden ratio,
// which fill an interval evenly. The first column of a round follows from a hash of its
// number, so that calls which repeat in some period do not always meet the same
// member.
//
// Source: for the columns see WeightedRandom; for the fractional parts Weyl, "Über die
// Gleichverteilung von Zahlen mod. Eins", 1916.
type rotation struct {
	columns []column
	next    atomic.Uint32
}

// newRotation makes one that begins anywhere, so that many processes do not begin with
// the same member.
func newRotation(members []Member) *rotation {
	r := &rotation{columns: columns(members)}
	r.next.Store(rand.Uint32())
	return r
}

// turn returns the index of the member whose turn it is; a number below full, which in
// the turns of one member fills its interval evenly; and one below full that is as good as
// random.
func (r *rotation) turn() (member int, even, random uint64) {
	n, size := r.next.Add(1), uint32(len(r.columns))
	round := n / size
	i := n - round*size + uint32(scramble(uint64(round))>>32*uint64(size)/full)
	if i >= size {
		i -= size
	}
	const golden, silver = 0x9E3779B9, 0x6A09E667 // the golden ratio and the root of 2, of full
	even, random = uint64((round+i)*silver), scramble(^uint64(n))>>32
	if c := r.columns[i]; (round+i)*golden >= c.share {
		return int(c.alias), even, random
	}
	return int(i), even, random
}

// scramble makes of a number another one that looks random.
//
// Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014
// (splitmix64, without its last step).
func scramble(x uint64) uint64 {
	x *= 0x9E3779B97F4A7C15
	x = (x ^ x>>30) * 0xBF58476D1CE4E5B9
	return x ^ x>>31
}

// A column holds a share of its own member, the one of the same index, and is filled up
// with one of another, its alias, so that all columns are equal. A full one is its own alias.
type column struct {
	share uint32 // of its own member, of full
	alias uint32
}

const full = 1 << 32

// columns returns those of the alias method, one for each member: see WeightedRandom.
func columns(members []Member) []column {
	all, total, equal := make([]column, len(members)), 0.0, true
	for i, m := range members {
		all[i] = column{full - 1, uint32(i)}
		total, equal = total+m.Weight, equal && m.Weight == members[0].Weight
	}
	if equal {
		return all
	}
	shares := make([]float64, len(members))
	stacks := make([]uint32, len(members))
	small, large := 0, len(members) // stacks[:small] are not full, stacks[large:] overflow
	for i, m := range members {
		shares[i] = m.Weight * float64(len(members)) / total
		if shares[i] < 1 {
			stacks[small] = uint32(i)
			small++
		} else {
			large--
			stacks[large] = uint32(i)
		}
	}
	for small > 0 && large < len(stacks) { // the rest is full but for rounding
		small--
		s, l := stacks[small], stacks[large]
		all[s] = column{uint32(min(math.Round(shares[s]*full), full-1)), l}
		shares[l] -= 1 - shares[s]
		if shares[l] < 1 {
			large++
			stacks[small] = l
			small++
		}
	}
	return all
}
