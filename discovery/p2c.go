package discovery

import "math"

type p2c struct{}

// P2C compares two nodes, the next one in turn and another drawn at random. The cost of a node
// grows with its recent latency and with the calls that it is serving. Turns are given out by
// weight. The node in turn gets the call unless its cost is more than 1.5 times that of the
// other; if it is r times that, the node gets 1.5/r of its turns, and the other node the rest.
// It is the default, and takes the same time for any number of nodes.
//
// So equal nodes get equal shares at any moment, and idle nodes, or nodes that are a little
// faster or slower, get shares by weight. Of two nodes, one that is a hundred times slower
// gets under a hundredth of the calls. If calls pile up, each node serves as many at a time as
// its weight asks for.
//
// A single slow answer raises the latency of a node by three eighths at most; five in a row
// raise it up to a hundred times. A new node counts as equal until it has answered five
// times. A failed call counts as a slow one, a cancelled call does not count. The latency of a
// node that gets no calls is forgotten within a minute, so that the node is tried again. Three
// more calls at a time than the other node has cost a factor of 2.7.
//
// Source: Mitzenmacher, "The power of two choices in randomized load balancing", 2001. That
// the costlier node keeps a share of its turns, by the ratio of the costs, is the rule of
// Metropolis et al., "Equation of state calculations by fast computing machines", 1953.
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
