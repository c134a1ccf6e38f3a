package discovery

import "math/rand/v2"

type p2c struct{}

// P2C draws two nodes at random and picks the one with the lower cost: its latency of
// late times the calls under way, for its weight. Latency goes up at once and comes
// down within seconds, also that of a node which gets no calls, so that it is tried
// again. Failed calls count as slow ones, cancelled ones not at all. It keeps calls off
// nodes that are slow or busy, as seen from here, and does not flock to the best: costs
// that differ by less than a quarter count as equal. It is the default, and costs the
// same for any number of nodes.
//
// Weight counts where calls pile up: nodes then have about as many under way as they
// ask for. Of two that are idle and equally fast, one that is a third heavier gets the
// call.
//
// Source: Mitzenmacher, "The power of two choices in randomized load balancing", 2001;
// the cost is the peak EWMA of Twitter's Finagle.
func P2C() Balancer { return p2c{} }

func (p2c) String() string   { return "p2c" }
func (p2c) pickOption()      {}
func (p2c) tracks() tracking { return timed }

func (p2c) picker(members []*member) picker {
	p := make(p2cPicker, len(members))
	for i, m := range members {
		p[i] = choice{m, &m.state.load, m.weight}
	}
	return p
}

type p2cPicker []choice

// A choice has what a pick looks at in one place: in large fleets that is far from the
// member.
type choice struct {
	m      *member
	load   *load
	weight float64
}

func (p p2cPicker) pick(uint64) *member {
	i, j := two(len(p), rand.Uint64())
	a, b := &p[i], &p[j]
	costA, heardA := a.load.cost(a.weight)
	costB, heardB := b.load.cost(b.weight)
	// Who was slow once is tried again, since what is known of it fades. Time makes both
	// fade alike: how much older one is says all, and no clock is asked.
	switch {
	case heardA == 0 || heardB == 0: // nothing is known
	case heardA < heardB:
		costA *= fade(heardB - heardA)
	default:
		costB *= fade(heardA - heardB)
	}
	if costB < 0.75*costA {
		return b.m
	}
	return a.m
}

// two are different places of n, by a random number: one of each half of it. Where
// there is only one, it comes twice.
func two(n int, random uint64) (i, j uint64) {
	if n == 1 {
		return 0, 0
	}
	i = random >> 32 * uint64(n) >> 32
	j = random & (1<<32 - 1) * uint64(n-1) >> 32
	if j >= i {
		j++
	}
	return i, j
}
