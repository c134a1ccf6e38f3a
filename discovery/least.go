package discovery

type leastLoaded struct{}

// LeastLoaded picks the node that is serving the fewest calls for its weight. It compares all
// nodes if there are up to eight, and else four: the next one in turn and three drawn at
// random. So its time does not grow with the number of nodes, and processes do not all pick
// the same one. Of equal nodes it picks the one in turn, so idle nodes get calls by weight. It
// counts the calls of this process by P2C or LeastLoaded.
//
// Source of the draws: Mitzenmacher, "The power of two choices in randomized load balancing",
// 2001.
func LeastLoaded() Balancer { return leastLoaded{} }

func (leastLoaded) String() string   { return "least loaded" }
func (leastLoaded) pickOption()      {}
func (leastLoaded) tracks() tracking { return timed }

func (leastLoaded) picker(members []*member) picker {
	return &leastPicker{members, newRotation(members)}
}

type leastPicker struct {
	members  []*member
	rotation *rotation
}

func (p *leastPicker) pick(uint64) *member {
	first, _, random := p.rotation.turn()
	least := p.members[first]
	if n := len(p.members); n <= 8 {
		for i := 1; i < n; i++ {
			least = lighter(least, p.members[(first+i)%n])
		}
		return least
	}
	a, b := two(len(p.members), scramble(random))
	c := another(len(p.members), first, random)
	return lighter(lighter(least, p.members[a]), lighter(p.members[b], p.members[c]))
}

// lighter is the one with fewer calls for its weight; of equals, the first.
func lighter(a, b *member) *member {
	if float64(b.state.load.calls.Load())*a.weight < float64(a.state.load.calls.Load())*b.weight {
		return b
	}
	return a
}
