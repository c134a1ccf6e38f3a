package lua

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
)

var batchScenarios = []scenario{
	{
		rule: "a batch of one hundred is one hundred changes",
		play: func(s *stage) {
			s.register(hundred(ours)...).is(all(Done)...)
			if d := cmp.Diff(each(0, "ID live ours/1 rev REV 10m, indexed 10m"), s.nodes(s.dump())); d != "" {
				s.Errorf("nodes (-want +got):\n%s", d)
			}
			s.register(hundred(ours)...).is(all(Quiet)...)
			s.renew(leases(hundred(ours))...).is(all(Done)...)
			s.deregister(leases(hundred(ours))...).is(all(Done)...)
			s.deregister(leases(hundred(ours))...).is(all(None)...)
		},
		nodes:  each(0, "ID gone self ours/1 1m, not indexed"),
		events: slices.Concat(each(0, "REV put ours ID"), each(100, "REV del ours ID")),
	},
	{
		rule: "a reap of one hundred is one hundred changes",
		play: func(s *stage) {
			s.register(hundred(ours)...).is(all(Done)...)
			s.age(11 * time.Minute)
			var ids []string
			for _, n := range hundred(ours) {
				ids = append(ids, n.ID)
			}
			s.reap(ids...).is(all(Done)...)
			s.reap(ids...).is(all(None)...)
		},
		events: slices.Concat(each(0, "REV put ours ID"), each(100, "REV exp - ID")),
	},
	{
		rule: "a batch with one superseded writes nothing",
		play: func(s *stage) {
			s.register(node("n00", ours, 1)).is(Done)
			s.age(4 * time.Minute)
			s.register(node("n50", newer, 1)).is(Done)
			s.unchanged(registering(s, hundred(ours)...)).is(one(Superseded)...)
		},
		nodes:  []string{"n00 live ours/1 rev 1 6m, indexed 6m", "n50 live newer/1 rev 2 10m, indexed 10m"},
		events: []string{"1 put ours n00", "2 put newer n50"},
	},
	{
		rule: "a batch with one removed by an operator writes nothing",
		play: func(s *stage) {
			s.register(node("n00", ours, 1)).is(Done)
			s.age(4 * time.Minute)
			s.remove(at("n50", ours, 1)).is(None)
			s.unchanged(registering(s, hundred(ours)...)).is(one(Removed)...)
		},
		nodes:  []string{"n00 live ours/1 rev 1 6m, indexed 6m", "n50 gone op ours/1 1m, not indexed"},
		events: []string{"1 put ours n00"},
	},
	{
		rule: "a batch with one that was deregistered writes nothing",
		play: func(s *stage) {
			s.register(node("n00", ours, 1)).is(Done)
			s.age(4 * time.Minute)
			s.deregister(at("n50", ours, 1)).is(None)
			s.unchanged(registering(s, hundred(ours)...)).is(one(Gone)...)
		},
		nodes:  []string{"n00 live ours/1 rev 1 6m, indexed 6m", "n50 gone self ours/1 1m, not indexed"},
		events: []string{"1 put ours n00"},
	},
	{
		rule: "an exclusive batch with one conflict writes nothing",
		play: func(s *stage) {
			s.register(node("n00", ours, 1), node("n50", older, 1)).is(Done, Done)
			s.age(4 * time.Minute)
			s.unchanged(func() reply { return s.exclusive(hundred(ours)...) }).is(one(Conflict)...)
		},
		nodes:  []string{"n00 live ours/1 rev 1 6m, indexed 6m", "n50 live older/1 rev 2 6m, indexed 6m"},
		events: []string{"1 put ours n00", "2 put older n50"},
	},
	{
		rule: "a batch reports every refusal",
		play: func(s *stage) {
			s.register(node("a", newer, 1), node("b", older, 1)).is(Done, Done)
			s.remove(at("c", ours, 1)).is(None)
			s.deregister(at("d", ours, 1)).is(None)
			s.register(node("e", ours, 2)).is(Done)
			s.unchanged(func() reply {
				return s.exclusive(node("a", ours, 1), node("b", ours, 1), node("c", ours, 1),
					node("d", ours, 1), node("e", ours, 1), node("f", ours, 1))
			}).is(Superseded, Conflict, Removed, Gone, None, None)
		},
		nodes: []string{
			"a live newer/1 rev 1 10m, indexed 10m",
			"b live older/1 rev 2 10m, indexed 10m",
			"c gone op ours/1 1m, not indexed",
			"d gone self ours/1 1m, not indexed",
			"e live ours/2 rev 3 10m, indexed 10m",
		},
		events: []string{"1 put newer a", "2 put older b", "3 put ours e"},
	},
	{
		rule: "an older call of one node keeps no other from registering",
		play: func(s *stage) {
			s.register(node("a", ours, 2), node("b", ours, 1)).is(Done, Done)
			s.age(4 * time.Minute)
			s.register(node("a", ours, 1), node("b", ours, 1), node("c", ours, 1)).is(Older, Quiet, Done)
		},
		nodes: []string{
			"a live ours/2 rev 1 6m, indexed 6m",
			"b live ours/1 rev 2 10m, indexed 10m",
			"c live ours/1 rev 3 10m, indexed 10m",
		},
		events: []string{"1 put ours a", "2 put ours b", "3 put ours c"},
	},
	{
		rule: "a call without nodes does nothing",
		play: func(s *stage) {
			s.unchanged(func() reply { return s.register() }).is()
			s.unchanged(func() reply { return s.renew() }).is()
			s.unchanged(func() reply { return s.deregister() }).is()
			s.unchanged(func() reply { return s.reap() }).is()
		},
	},
}

// hundred are as many nodes as one call may name: n00 to n99.
func hundred(token string) []Registration {
	var nodes []Registration
	for i := range MaxNodes {
		nodes = append(nodes, node(fmt.Sprintf("n%02d", i), token, 1))
	}
	return nodes
}

func leases(nodes []Registration) []Lease {
	var leases []Lease
	for _, n := range nodes {
		leases = append(leases, n.Lease)
	}
	return leases
}

// each is a line for each of the hundred, with its id for ID, and for REV the
// revision of its change, which is one of those after after.
func each(after int, line string) []string {
	var lines []string
	for i, n := range hundred(ours) {
		lines = append(lines, strings.NewReplacer("ID", n.ID, "REV", fmt.Sprint(after+i+1)).Replace(line))
	}
	return lines
}

// all are the codes of a hundred nodes that fare alike.
func all(c Code) []Code { return slices.Repeat([]Code{c}, MaxNodes) }

// one are the codes of a hundred nodes of which n50 is refused.
func one(c Code) []Code {
	codes := all(None)
	codes[50] = c
	return codes
}
