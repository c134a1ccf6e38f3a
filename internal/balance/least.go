package balance

// LeastLoaded is the policy of discovery.LeastLoaded, which describes it.
type LeastLoaded struct{}

func (LeastLoaded) String() string   { return "least loaded" }
func (LeastLoaded) Tracks() Tracking { return Timed }
func (LeastLoaded) Slow() bool       { return false }

func (LeastLoaded) Picker(members []Member) Picker {
	return &leastPicker{members, newRotation(members)}
}

type leastPicker struct {
	members  []Member
	rotation *rotation
}

func (p *leastPicker) Pick(uint64) int {
	first, _, random := p.rotation.turn()
	n := len(p.members)
	if n <= 8 {
		least := first
		for i := 1; i < n; i++ {
			least = p.lighter(least, (first+i)%n)
		}
		return least
	}
	a, b := two(n, scramble(random))
	return p.lighter(p.lighter(first, int(a)), p.lighter(int(b), another(n, first, random)))
}

// lighter returns the one of two members with fewer calls for its weight; of equals, the
// first.
func (p *leastPicker) lighter(i, j int) int {
	a, b := &p.members[i], &p.members[j]
	if float64(b.Load.underWay())*a.Weight < float64(a.Load.underWay())*b.Weight {
		return j
	}
	return i
}
