package discovery

import (
	"cmp"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"

	"github.com/cespare/xxhash/v2"
)

type maglev struct{}

// Maglev picks the same node for the same HashKey, in every process that sees the same nodes
// and weights, and spreads the keys over the nodes by weight. Without a HashKey it picks at
// random, by weight. When a node comes or goes, few keys of other nodes move: with a hundred
// nodes about 1 in 100, at worst 1 in 50. All keys move when the table grows, at 40, 164, 655,
// 2621 and 10485 nodes. With SlowStart, a new node gets its keys step by step, and not in all
// processes at the same time.
//
// A pick takes the same time for any number of nodes. The table has 100 to 400 entries of 4
// bytes for each node, and at least 4099. It is built again when nodes or weights change: in
// about 70 ms for 10,000 nodes.
//
// Source: Eisenbud et al., "Maglev: a fast and reliable software network load balancer",
// 2016.
func Maglev() Balancer { return maglev{} }

func (maglev) String() string   { return "maglev" }
func (maglev) pickOption()      {}
func (maglev) tracks() tracking { return untracked }

func (maglev) picker(members []*member) picker {
	table, members := lookup(members)
	return &maglevPicker{table, members}
}

type maglevPicker struct {
	table   []uint32 // indices of members
	members []*member
}

func (p *maglevPicker) pick(key uint64) *member {
	if key == 0 {
		key = rand.Uint64()
	}
	return p.members[p.table[place(key, len(p.table))]]
}

// place is where a key falls in a table: its share of the way through it, which costs
// less than a division.
func place(key uint64, size int) uint64 {
	at, _ := bits.Mul64(key, uint64(size))
	return at
}

// sizes are those of lookup tables: prime, so that every step visits each entry, and
// each about four times the one before, so that a table is seldom outgrown.
var sizes = []uint64{4099, 16411, 65537, 262147, 1048583, 4194319}

// lookup is the table of Maglev, and the members in the order that it means: each
// member has a preference for every entry, and in rounds each takes the one that it
// likes best of those that are left. Of less weight, it sits out some of the rounds; of
// more, it takes several. The unit is a power of two near the average, which seldom
// changes with the members, and keeps the rounds few however far weights lie apart.
func lookup(members []*member) ([]uint32, []*member) {
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
	total := 0.0
	for i, m := range members {
		h := xxhash.Sum64String(m.ID)
		takers[i] = taker{next: h % size, step: h/size%(size-1) + 1}
		total += m.weight
	}
	unit := math.Exp2(math.Ceil(math.Log2(total / float64(len(members)))))
	const free = math.MaxUint32
	table := slices.Repeat([]uint32{free}, int(size))
	for left := size; ; {
		for i, m := range members {
			t := &takers[i]
			for t.turn += m.weight / unit; t.turn >= 1; t.turn-- {
				for table[t.next] != free {
					if t.next += t.step; t.next >= size {
						t.next -= size
					}
				}
				table[t.next] = uint32(i)
				if left--; left == 0 {
					return table, members
				}
			}
		}
	}
}
