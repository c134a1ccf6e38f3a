package discovery

import "math/rand/v2"

type leastLoaded struct{}

// LeastLoaded picks the node with the fewest calls under way for its weight, of all up
// to eight nodes, and of four drawn at random where there are more: so its cost does
// not grow with the nodes, and processes do not all flock to the same one. The calls are
// those of this process by P2C or LeastLoaded.
//
// Source of the draws: Mitzenmacher, "The power of two choices in randomized load
// balancing", 2001.
func LeastLoaded() Balancer { return leastLoaded{} }

func (leastLoaded) String() string                  { return "least loaded" }
func (leastLoaded) pickOption()                     {}
func (leastLoaded) tracks() tracking                { return timed }
func (leastLoaded) picker(members []*member) picker { return leastPicker(members) }

type leastPicker []*member

func (p leastPicker) pick(uint64) *member {
	if len(p) > 8 {
		a, b := two(len(p), rand.Uint64())
		c, d := two(len(p), rand.Uint64())
		return lighter(lighter(p[a], p[b]), lighter(p[c], p[d]))
	}
	first := below(len(p)) // of equals, each in turn
	least := p[first]
	for i := 1; i < len(p); i++ {
		least = lighter(least, p[(first+i)%len(p)])
	}
	return least
}

// lighter is the one with fewer calls for its weight; of equals, the first.
func lighter(a, b *member) *member {
	if float64(b.state.load.calls.Load()+1)*a.weight < float64(a.state.load.calls.Load()+1)*b.weight {
		return b
	}
	return a
}
