package discovery

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/cespare/xxhash/v2"
)

// subset are the n members that an identity calls; all where n is 0. They are neighbours
// on a circle, where members lie at equal distances in the order of their hashes.
func subset(members []*member, n int, identity string) []*member {
	if n == 0 || n >= len(members) {
		return members
	}
	type placed struct {
		m    *member
		hash uint64
	}
	circle := make([]placed, len(members))
	for i, m := range members {
		circle[i] = placed{m, xxhash.Sum64String(m.ID)}
	}
	slices.SortFunc(circle, func(a, b placed) int {
		return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.m.ID, b.m.ID))
	})
	first := int(place(position(identity), len(circle)))
	chosen := make([]*member, n)
	for i := range chosen {
		chosen[i] = circle[(first+i)%len(circle)].m
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
