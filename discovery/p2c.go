package discovery

import "math"

type p2c struct{}

// P2C compares two nodes, the one whose turn it is and another drawn at random, by
// their latency of late and the calls under way. Turns go by weight. The node whose turn
// it is gets the call, unless it costs more than one and a half times as much as the
// other; if that is r times as much, it gets 1.5/r of its turns, and the other the rest.
// So equal nodes get equal shares at any moment, idle ones and those a little faster or
// slower by their weights, and of two nodes a hundred times slower one gets under a
// hundredth of the calls. Of calls that pile up nodes have as many under way as their
// weights ask for. It is the default, and costs the same for any number of nodes.
//
// A single slow answer raises the latency of a node by three eighths at most; five in a
// row raise it up to a hundred times. A new node counts as equal until it has answered
// five times. Failed calls count as slow ones, cancelled ones not at all. What is known of
// a node that gets no calls fades within a minute, so that it is tried again. Three calls
// under way that a node has more than the other make it 2.7 times as costly.
//
// Source: Mitzenmacher, "The power of two choices in randomized load balancing", 2001.
// That the costlier one keeps a share of its turns, by the ratio of the costs, is the
// rule of Metropolis et al., "Equation of state calculations by fast computing machines",
// 1953.
func P2C() Balancer { return p2c{} }

func (p2c) String() string   { return "p2c" }
func (p2c) pickOption()      {}
func (p2c) tracks() tracking { return timed }

func (p2c) picker(members []*member) picker {
	p := &p2cPicker{choices: make([]choice, len(members)), rotation: newRotation(members)}
	total := 0.0
	for _, m := range members {
		total += m.weight
	}
	for i, m := range members {
		p.choices[i] = choice{m, &m.state.load, total / (m.weight * float64(len(members)))}
	}
	return p
}

type p2cPicker struct {
	choices  []choice
	rotation *rotation
}

// A choice has what a pick looks at in one place: in large fleets that is far from the
// member.
type choice struct {
	m     *member
	load  *load
	light float64 // the average weight, for its own
}

func (p *p2cPicker) pick(uint64) *member {
	i, even, random := p.rotation.turn()
	a := &p.choices[i]
	if len(p.choices) == 1 {
		return a.m
	}
	b := &p.choices[another(len(p.choices), i, random)]
	costA, costB := a.load.cost(b.load)
	if callsA, callsB := float64(a.load.calls.Load())*a.light, float64(b.load.calls.Load())*b.light; callsA != callsB {
		costA *= math.Exp((callsA - callsB) / crowding)
	}
	if costA > alike*costB && float64(even)*costA >= alike*costB*full {
		return b.m
	}
	return a.m
}

// Nodes count as equal up to alike times the cost of one another. As many calls under
// way more as crowding says make a node e times as costly.
const (
	alike    = 1.5
	crowding = 3
)

// another is a place of n that is not i, by a random number below full.
func another(n, i int, random uint64) int {
	j := int(random * uint64(n-1) / full)
	if j >= i {
		j++
	}
	return j
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
