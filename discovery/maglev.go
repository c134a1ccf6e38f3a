package discovery

import (
	"cmp"
	"math/rand/v2"
	"slices"

	"github.com/cespare/xxhash/v2"
)

type maglev struct{}

// Maglev picks the same node for the same HashKey, in every process that sees the
// same nodes, and spreads keys over the nodes as their weights ask for. When a node
// comes or goes, few keys move but its own. Without a HashKey it picks at random, by
// weight.
//
// Source: Eisenbud et al., "Maglev: a fast and reliable software network load
// balancer", 2016, with a table of at least 100 entries for each node.
func Maglev() Balancer { return maglev{} }

func (maglev) String() string   { return "maglev" }
func (maglev) pickOption()      {}
func (maglev) tracks() tracking { return untracked }

func (maglev) picker(members []*member) picker { return maglevPicker(lookup(members)) }

type maglevPicker []*member

func (p maglevPicker) pick(key uint64) *member {
	if key == 0 {
		key = rand.Uint64()
	}
	return p[key%uint64(len(p))]
}

// sizes are those of lookup tables: prime, so that every step visits each entry, and
// each about twice the one before.
var sizes = []uint64{1021, 2053, 4099, 8209, 16411, 32771, 65537, 131101, 262147, 524309, 1048583, 2097169}

// lookup is the table of Maglev: each member has a preference for every entry, and in
// rounds each takes the one that it likes best of those that are left. A member of
// less weight than the heaviest sits out some of the rounds.
func lookup(members []*member) []*member {
	members = slices.SortedFunc(slices.Values(members), func(a, b *member) int { return cmp.Compare(a.ID, b.ID) })
	size := sizes[len(sizes)-1]
	if i, _ := slices.BinarySearch(sizes, uint64(100*len(members))); i < len(sizes) {
		size = sizes[i]
	}
	type taker struct {
		next, step uint64  // of its preferences
		turn       float64 // takes an entry whenever this reaches 1
	}
	takers := make([]taker, len(members))
	heaviest := 0.0
	for i, m := range members {
		h := xxhash.Sum64String(m.ID)
		takers[i] = taker{next: h % size, step: h/size%(size-1) + 1}
		heaviest = max(heaviest, m.weight)
	}
	table := make([]*member, size)
	for filled := uint64(0); ; {
		for i, m := range members {
			t := &takers[i]
			if t.turn += m.weight / heaviest; t.turn < 1 {
				continue
			}
			t.turn--
			for table[t.next] != nil {
				t.next = (t.next + t.step) % size
			}
			table[t.next] = m
			if filled++; filled == size {
				return table
			}
		}
	}
}
