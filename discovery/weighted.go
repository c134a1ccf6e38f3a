package discovery

import (
	"math/bits"
	"math/rand/v2"
)

type weightedRandom struct{}

// WeightedRandom picks every node as often as its weight asks for, at the same cost
// for any number of nodes.
//
// Source: Vose, "A linear algorithm for generating random numbers with a given
// distribution", 1991 (the alias method).
func WeightedRandom() Balancer { return weightedRandom{} }

func (weightedRandom) String() string   { return "weighted random" }
func (weightedRandom) pickOption()      {}
func (weightedRandom) tracks() tracking { return untracked }

// An aliasPicker has a column for each member. A column holds a share of its own
// member and is filled up with one of another, so that all columns are equal.
type aliasPicker []column

type column struct {
	own, alias *member
	share      float64 // of own; from 0 to 1
}

func (weightedRandom) picker(members []*member) picker {
	total := 0.0
	for _, m := range members {
		total += m.weight
	}
	p := make(aliasPicker, len(members))
	var small, large []int // columns that are not full, and those that overflow
	for i, m := range members {
		p[i] = column{own: m, alias: m, share: m.weight * float64(len(members)) / total}
		if p[i].share < 1 {
			small = append(small, i)
		} else {
			large = append(large, i)
		}
	}
	for len(small) > 0 && len(large) > 0 {
		s, l := small[len(small)-1], large[len(large)-1]
		small = small[:len(small)-1]
		p[s].alias = p[l].own
		p[l].share -= 1 - p[s].share
		if p[l].share < 1 {
			large = large[:len(large)-1]
			small = append(small, l)
		}
	}
	for _, i := range small { // by rounding alone
		p[i].share = 1
	}
	return p
}

func (p aliasPicker) pick(uint64) *member {
	// One draw says which column, and what is left of it how high up in it.
	i, height := bits.Mul64(rand.Uint64(), uint64(len(p)))
	c := &p[i]
	if float64(int64(height>>11))/(1<<53) < c.share {
		return c.own
	}
	return c.alias
}
