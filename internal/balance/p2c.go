package balance

import "math"

// P2C is the policy of discovery.P2C, which describes it.
type P2C struct{}

func (P2C) String() string   { return "p2c" }
func (P2C) Tracks() Tracking { return Timed }
func (P2C) Slow() bool       { return false }

func (P2C) Picker(members []Member) Picker {
	p := &p2cPicker{choices: make([]choice, len(members)), rotation: newRotation(members)}
	total := 0.0
	for _, m := range members {
		total += m.Weight
	}
	for i, m := range members {
		p.choices[i] = choice{m.Load, total / (m.Weight * float64(len(members)))}
	}
	return p
}

type p2cPicker struct {
	choices  []choice
	rotation *rotation
}

// A choice is what a pick reads of a member.
type choice struct {
	load  *Load
	light float64 // the average weight, for its own
}

func (p *p2cPicker) Pick(uint64) int {
	i, even, random := p.rotation.turn()
	a := &p.choices[i]
	if len(p.choices) == 1 {
		return i
	}
	j := another(len(p.choices), i, random)
	b := &p.choices[j]
	costA, costB := a.load.cost(b.load)
	if callsA, callsB := float64(a.load.underWay())*a.light, float64(b.load.underWay())*b.light; callsA != callsB {
		costA *= math.Exp((callsA - callsB) / crowding)
	}
	if costA > alike*costB && float64(even)*costA >= alike*costB*full {
		return j
	}
	return i
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
