package balance

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/cespare/xxhash/v2"
)

// Subset returns the indices of the n nodes that an identity calls, by the IDs of all. They
// are neighbours on a circle, where nodes lie at equal distances in the order of the hashes
// of their IDs. n is over 0 and at most len(ids).
func Subset(ids []string, n int, identity string) []int {
	type placed struct {
		index int
		hash  uint64
	}
	circle := make([]placed, len(ids))
	for i, id := range ids {
		circle[i] = placed{i, xxhash.Sum64String(id)}
	}
	slices.SortFunc(circle, func(a, b placed) int {
		return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(ids[a.index], ids[b.index]))
	})
	first := int(place(position(identity), len(circle)))
	chosen := make([]int, n)
	for i := range chosen {
		chosen[i] = circle[(first+i)%len(circle)].index
	}
	return chosen
}

// position is where on the circle an identity begins, of 2^64. Those that differ only in
// the number at their end lie at the multiples of the golden ratio: evenly spread, however
// many there are.
func position(identity string) uint64 {
	group := strings.TrimRight(identity, "0123456789")
	number, err := strconv.ParseUint(identity[len(group):], 10, 64)
	if err != nil { // none, or too long
		return xxhash.Sum64String(identity)
	}
	const golden = 0x9E3779B97F4A7C15 // of 2^64
	return xxhash.Sum64String(group) + number*golden
}
