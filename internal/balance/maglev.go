package balance

import (
	"cmp"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"

	"github.com/cespare/xxhash/v2"
)

// Maglev is the policy of discovery.Maglev, which describes it.
type Maglev struct{}

func (Maglev) String() string   { return "maglev" }
func (Maglev) Tracks() Tracking { return Untracked }
func (Maglev) Slow() bool       { return true }

func (Maglev) Picker(members []Member) Picker {
	return maglevPicker(lookup(members))
}

type maglevPicker []uint32 // indices of members

func (p maglevPicker) Pick(key uint64) int {
	if key == 0 {
		key = rand.Uint64()
	}
	return int(p[place(key, len(p))])
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

// lookup returns the table of Maglev: indices of members. Each member has a preference for
// every entry. In rounds, in the order of their IDs, each takes the one that it likes best of
// those that are left. Of less weight, it sits out some of the rounds; of
// more, it takes several. The unit is a power of two near the average, which seldom
// changes with the members, and keeps the rounds few however far weights lie apart.
func lookup(members []Member) []uint32 {
	order := make([]int, len(members)) // indices by ID
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(*members[a].ID, *members[b].ID) })
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
	for i, at := range order {
		m := &members[at]
		h := xxhash.Sum64String(*m.ID)
		takers[i] = taker{next: h % size, step: h/size%(size-1) + 1}
		total += m.Weight
	}
	unit := math.Exp2(math.Ceil(math.Log2(total / float64(len(members)))))
	const free = math.MaxUint32
	table := slices.Repeat([]uint32{free}, int(size))
	for left := size; ; {
		for i, at := range order {
			t := &takers[i]
			for t.turn += members[at].Weight / unit; t.turn >= 1; t.turn-- {
				for table[t.next] != free {
					if t.next += t.step; t.next >= size {
						t.next -= size
					}
				}
				table[t.next] = uint32(at)
				if left--; left == 0 {
					return table
				}
			}
		}
	}
}
