package balance

import (
	"math/bits"
	"math/rand/v2"
)

// Random is the policy of discovery.Random, which describes it.
type Random struct{}

func (Random) String() string                 { return "random" }
func (Random) Tracks() Tracking               { return Untracked }
func (Random) Slow() bool                     { return false }
func (Random) Picker(members []Member) Picker { return randomPicker(len(members)) }

type randomPicker int // of so many members

func (p randomPicker) Pick(uint64) int { return below(int(p)) }

// below draws a number from 0 to n-1, with a bias too small to see.
//
// Source: Lemire, "Fast random integer generation in an interval", 2019.
func below(n int) int {
	hi, _ := bits.Mul64(rand.Uint64(), uint64(n))
	return int(hi)
}
