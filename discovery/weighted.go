package discovery

import (
	"math/bits"
	"math/rand/v2"
)

type weightedRandom struct{}

// WeightedRandom picks nodes at random, each as often as its weight asks for. It takes the same
// time for any number of nodes.
//
// Source: Vose, "A linear algorithm for generating random numbers with a given distribution",
// 1991 (the alias method).
func WeightedRandom() Balancer { return weightedRandom{} }

func (weightedRandom) String() string   { return "weighted random" }
func (weightedRandom) pickOption()      {}
func (weightedRandom) tracks() tracking { return untracked }

func (weightedRandom) picker(members []*member) picker {
	return &aliasPicker{members, columns(members)}
}

type aliasPicker struct {
	members []*member
	columns []column
}

func (p *aliasPicker) pick(uint64) *member {
	// One draw says which column, and what is left of it how high up in it.
	i, height := bits.Mul64(rand.Uint64(), uint64(len(p.columns)))
	if c := &p.columns[i]; height>>32 >= c.share {
		i = uint64(c.alias)
	}
	return p.members[i]
}
