package balance

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

// ids are those of n nodes.
func ids(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprint("n", i)
	}
	return all
}

// subset returns the IDs of a Subset.
func subset(members []string, n int, identity string) (chosen []string) {
	for _, i := range Subset(members, n, identity) {
		chosen = append(chosen, members[i])
	}
	return chosen
}

// numbered are the subsets of so many identities with numbers at their ends, from one on.
func numbered(members []string, n, from, clients int) (all [][]string) {
	for i := range clients {
		all = append(all, subset(members, n, fmt.Sprint("shop-", from+i)))
	}
	return all
}

// spread is the least and the greatest number of subsets that a member is in.
func spread(members []string, subsets [][]string) (least, most int) {
	count := map[string]int{}
	for _, s := range subsets {
		for _, m := range s {
			count[m]++
		}
	}
	least = math.MaxInt
	for _, id := range members {
		least, most = min(least, count[id]), max(most, count[id])
	}
	return least, most
}

// Processes that are numbered, and do not know how many they are, spread evenly: of up to
// 1,000 no node has 3 more or fewer than the average.
func TestSubsetsAreEven(t *testing.T) {
	members := ids(20)
	if least, most := spread(members, numbered(members, 5, 0, 20)); least < 4 || most > 6 {
		t.Errorf("of 20 processes that call 5 of 20 nodes a node has %d to %d, want 4 to 6", least, most)
	}
	for _, nodes := range []int{3, 20, 21, 89, 144} {
		members := ids(nodes)
		for _, n := range []int{1, 5, 40} {
			if n >= nodes {
				continue
			}
			for _, from := range []int{0, 5000} {
				subsets := numbered(members, n, from, 1000)
				for _, clients := range []int{1, 2, 10, 20, 34, 55, 100, 377, 610, 1000} {
					average := float64(clients*n) / float64(nodes)
					least, most := spread(members, subsets[:clients])
					if float64(most) >= average+3 || float64(least) <= average-3 {
						t.Errorf("of %d processes from %d that call %d of %d nodes a node has %d to %d, of %.1f on average",
							clients, from, n, nodes, least, most, average)
					}
				}
			}
		}
	}
}

// When a node comes or goes, a subset changes by one node at most, of numbered and of
// other identities.
func TestSubsetsChangeLittle(t *testing.T) {
	members := ids(40)
	for client := range 20 {
		for _, identity := range []string{fmt.Sprint("shop-", client), strings.Repeat("x", client)} {
			with := subset(members, 8, identity)
			if len(with) != 8 || len(slices.Compact(slices.Clone(with))) != 8 {
				t.Fatalf("%d nodes of 8", len(with))
			}
			if !slices.Equal(with, subset(members, 8, identity)) {
				t.Error("another subset the second time")
			}
			for i := range members {
				without := subset(slices.Delete(slices.Clone(members), i, i+1), 8, identity)
				fresh := 0
				for _, m := range without {
					if !slices.Contains(with, m) {
						fresh++
					}
				}
				if fresh > 1 {
					t.Errorf("%s: %d nodes of 8 are others when %s leaves", identity, fresh, members[i])
				}
			}
		}
	}
}

// Names without a number spread as chance does it, and every node has its processes.
func TestSubsetsOfAnyNames(t *testing.T) {
	members := ids(100)
	var subsets [][]string
	for i := range 400 {
		subsets = append(subsets, subset(members, 10, fmt.Sprintf("host-%d.example.org", i)))
	}
	if least, most := spread(members, subsets); least < 15 || most > 70 {
		t.Errorf("a node has %d to %d of 400, want about 40", least, most)
	}
	for _, identity := range []string{"", "7", "shop-", "shop-99999999999999999999999"} {
		if n := len(subset(members, 10, identity)); n != 10 {
			t.Errorf("%q: %d nodes of 10", identity, n)
		}
	}
}
