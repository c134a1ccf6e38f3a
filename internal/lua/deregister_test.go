package lua

import "time"

var deregisterScenarios = []scenario{
	{
		rule: "deregister leaves a tombstone for a minute",
		play: func(s *stage) {
			s.register(node("a", ours, 3)).is(Done)
			s.deregister(at("a", ours, 4)).is(Done)
			s.hash("a", map[string]string{"lease": ours + " 4 self"})
		},
		nodes:  []string{"a gone self ours/4 1m, not indexed"},
		events: []string{"1 put ours a", "2 del ours a"},
	},
	{
		rule: "deregister repeated changes once",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			s.repeat(deregistering(s, at("a", ours, 1)), copies(2, Done, None)...)
		},
		nodes:  []string{"a gone self ours/1 1m, not indexed"},
		events: []string{"1 put ours a", "2 del ours a"},
	},
	{
		rule: "deregister four times changes once",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			s.repeat(deregistering(s, at("a", ours, 1)), copies(4, Done, None)...)
		},
		nodes:  []string{"a gone self ours/1 1m, not indexed"},
		events: []string{"1 put ours a", "2 del ours a"},
	},
	{
		rule: "an operator's removal repeated changes once",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			s.repeat(func() reply { return s.remove(at("a", ours, 1)) }, copies(4, Done, None)...)
		},
		nodes:  []string{"a gone op ours/1 1m, not indexed"},
		events: []string{"1 put ours a", "2 del ours a"},
	},
	{
		rule:  "deregister of a node that is not there leaves a tombstone too",
		play:  func(s *stage) { s.repeat(deregistering(s, at("a", ours, 1)), copies(4, None, None)...) },
		nodes: []string{"a gone self ours/1 1m, not indexed"},
	},
	{
		rule: "a repeated deregister lengthens no tombstone",
		play: func(s *stage) {
			s.deregister(at("a", ours, 1)).is(None)
			s.set(s.admin().PExpire(s.Context(), s.svc.Node("a"), 10*time.Second).Err())
			s.unchanged(deregistering(s, at("a", ours, 1))).is(None)
		},
		nodes: []string{"a gone self ours/1 0m, not indexed"},
	},
	{
		rule: "a superseded deregister leaves all",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			s.register(node("a", newer, 1)).is(Done)
			s.unchanged(deregistering(s, at("a", ours, 1))).is(Superseded)
			s.unchanged(func() reply { return s.remove(at("a", ours, 1)) }).is(Superseded)
		},
		nodes:  []string{"a live newer/1 rev 2 10m, indexed 10m"},
		events: []string{"1 put ours a", "2 put newer a"},
	},
	{
		rule: "a deregister after that of a newer lease leaves its tombstone",
		play: func(s *stage) {
			s.deregister(at("a", newer, 1)).is(None)
			s.unchanged(deregistering(s, at("a", ours, 1))).is(Superseded)
		},
		nodes: []string{"a gone self newer/1 1m, not indexed"},
	},
	{
		rule: "deregister removes what an older lease held",
		play: func(s *stage) {
			s.register(node("a", older, 1)).is(Done)
			s.deregister(at("a", ours, 1)).is(Done)
		},
		nodes:  []string{"a gone self ours/1 1m, not indexed"},
		events: []string{"1 put older a", "2 del ours a"},
	},
	{
		rule: "deregister of a lower seq ends the lease all the same",
		play: func(s *stage) {
			s.register(node("a", ours, 5)).is(Done)
			s.deregister(at("a", ours, 1)).is(Done)
		},
		nodes:  []string{"a gone self ours/1 1m, not indexed"},
		events: []string{"1 put ours a", "2 del ours a"},
	},
	{
		rule: "deregister answers for each node by itself",
		play: func(s *stage) {
			s.register(node("a", ours, 1), node("b", newer, 1), node("c", ours, 1)).is(Done, Done, Done)
			s.deregister(at("b", ours, 1), at("x", ours, 1), at("c", ours, 1)).is(Superseded, None, Done)
		},
		nodes: []string{
			"a live ours/1 rev 1 10m, indexed 10m", "b live newer/1 rev 2 10m, indexed 10m",
			"c gone self ours/1 1m, not indexed", "x gone self ours/1 1m, not indexed",
		},
		events: []string{"1 put ours a", "2 put newer b", "3 put ours c", "4 del ours c"},
	},
	{
		rule: "deregister after an expiry, before the reap, publishes once",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			s.age(11 * time.Minute)
			s.deregister(at("a", ours, 1)).is(Done)
			s.reap("a").is(None)
		},
		nodes:  []string{"a gone self ours/1 1m, not indexed"},
		events: []string{"1 put ours a", "2 del ours a"},
	},
	{
		rule: "deregister with the index evicted leaves a tombstone and publishes nothing",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			s.evict(s.svc.Index())
			s.deregister(at("a", ours, 1)).is(None)
		},
		nodes:  []string{"a gone self ours/1 1m, not indexed"},
		events: []string{"1 put ours a"},
	},
	{
		rule: "deregister takes a tombstone out of the index",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			s.deregister(at("a", ours, 1)).is(Done)
			s.indexed("a", time.Minute)
			s.repeat(deregistering(s, at("a", ours, 1)), copies(4, Done, None)...)
		},
		nodes:  []string{"a gone self ours/1 1m, not indexed"},
		events: []string{"1 put ours a", "2 del ours a", "3 del ours a"},
	},
	{
		rule: "an operator's removal outlasts the node's own deregister",
		play: func(s *stage) {
			s.deregister(at("a", ours, 1)).is(None)
			s.remove(at("a", ours, 1)).is(None)
			s.unchanged(renewing(s, at("a", ours, 1))).is(Removed)
		},
		nodes: []string{"a gone op ours/1 1m, not indexed"},
	},
	{
		rule: "undo ends the lease that it names",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			s.repeat(undoing(s, at("a", ours, 1)), copies(4, Done, None)...)
			s.unchanged(registering(s, node("a", ours, 1))).is(Gone)
		},
		nodes:  []string{"a gone self ours/1 1m, not indexed"},
		events: []string{"1 put ours a", "2 del ours a"},
	},
	{
		rule: "undo of a register that never came leaves an older lease alone",
		play: func(s *stage) {
			s.register(node("a", older, 1)).is(Done)
			s.unchanged(undoing(s, at("a", ours, 1))).is(None)
		},
		nodes:  []string{"a live older/1 rev 1 10m, indexed 10m"},
		events: []string{"1 put older a"},
	},
	{
		rule: "undo of a register that never came leaves nothing",
		play: func(s *stage) {
			s.unchanged(undoing(s, at("a", ours, 1))).is(None)
			s.deregister(at("b", older, 1)).is(None)
			s.unchanged(undoing(s, at("b", ours, 1))).is(None)
		},
		nodes: []string{"b gone self older/1 1m, not indexed"},
	},
	{
		rule: "undo after an expiry, before the reap, leaves the rest to the reap",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			s.age(11 * time.Minute)
			s.unchanged(undoing(s, at("a", ours, 1))).is(None)
		},
		nodes:  []string{"a no hash, indexed -1m"},
		events: []string{"1 put ours a"},
	},
	{
		rule: "a superseded undo leaves all",
		play: func(s *stage) {
			s.register(node("a", newer, 1)).is(Done)
			s.unchanged(undoing(s, at("a", ours, 1))).is(Superseded)
		},
		nodes:  []string{"a live newer/1 rev 1 10m, indexed 10m"},
		events: []string{"1 put newer a"},
	},
}

func undoing(s *stage, nodes ...Lease) func() reply {
	return func() reply { s.Helper(); return s.undo(nodes...) }
}

func deregistering(s *stage, nodes ...Lease) func() reply {
	return func() reply { s.Helper(); return s.deregister(nodes...) }
}
