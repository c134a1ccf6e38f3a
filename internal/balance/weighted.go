package balance

import (
	"math/bits"
	"math/rand/v2"
)

// WeightedRandom is the policy of discovery.WeightedRandom, which describes it.
type WeightedRandom struct{}

func (WeightedRandom) String() string   { return "weighted random" }
func (WeightedRandom) Tracks() Tracking { return Untracked }
func (WeightedRandom) Slow() bool       { return false }

func (WeightedRandom) Picker(members []Member) Picker {
	return aliasPicker(columns(members))
}

type aliasPicker []column

func (p aliasPicker) Pick(uint64) int {
	// One draw says which column, and what is left of it how high up in it.
	i, height := bits.Mul64(rand.Uint64(), uint64(len(p)))
	if c := p[i]; uint32(height>>32) >= c.share {
		return int(c.alias)
	}
	return int(i)
}
