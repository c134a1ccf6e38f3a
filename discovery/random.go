package discovery

import (
	"math/bits"
	"math/rand/v2"
)

type random struct{}

// Random picks nodes at random, each equally often, whatever its weight. It takes the same
// time for any number of nodes.
func Random() Balancer { return random{} }

func (random) String() string                  { return "random" }
func (random) pickOption()                     {}
func (random) tracks() tracking                { return untracked }
func (random) picker(members []*member) picker { return randomPicker(members) }

type randomPicker []*member

func (p randomPicker) pick(uint64) *member { return p[below(len(p))] }

// below draws a number from 0 to n-1, with a bias too small to see.
//
// Source: Lemire, "Fast random integer generation in an interval", 2019.
func below(n int) int {
	hi, _ := bits.Mul64(rand.Uint64(), uint64(n))
	return int(hi)
}
