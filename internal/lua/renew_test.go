package lua

import "time"

var renewScenarios = []scenario{
	{
		rule: "renew extends a lease and publishes nothing",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			s.age(4 * time.Minute)
			s.renew(at("a", ours, 1)).is(Done)
		},
		nodes:  []string{"a live ours/1 rev 1 10m, indexed 10m"},
		events: []string{"1 put ours a"},
	},
	{
		rule: "renew repeated changes nothing more",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			s.age(4 * time.Minute)
			s.repeat(renewing(s, at("a", ours, 1)), copies(2, Done, Done)...)
			s.repeat(renewing(s, at("a", ours, 1)), copies(4, Done, Done)...)
		},
		nodes:  []string{"a live ours/1 rev 1 10m, indexed 10m"},
		events: []string{"1 put ours a"},
	},
	{
		rule: "renew extends by each node's own TTL",
		play: func(s *stage) {
			long := node("b", ours, 1)
			long.TTL = 30 * time.Minute
			s.register(node("a", ours, 1), long).is(Done, Done)
			s.age(4 * time.Minute)
			s.renew(at("b", ours, 1), at("a", ours, 1)).is(Done, Done)
		},
		nodes:  []string{"a live ours/1 rev 1 10m, indexed 10m", "b live ours/1 rev 2 30m, indexed 30m"},
		events: []string{"1 put ours a", "2 put ours b"},
	},
	{
		rule: "renew gives a hash that lost its expiry one again",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			s.set(s.admin().Persist(s.Context(), s.svc.Node("a")).Err())
			s.renew(at("a", ours, 1)).is(Done)
		},
		nodes:  []string{"a live ours/1 rev 1 10m, indexed 10m"},
		events: []string{"1 put ours a"},
	},
	{
		rule: "renew of an unknown node leaves nothing",
		play: func(s *stage) {
			s.unchanged(renewing(s, at("a", ours, 1))).is(None)
			s.unchanged(renewingNode(s, at("a", ours, 1))).is(None)
		},
	},
	{
		rule: "renew of an expired node revives nothing",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			s.age(11 * time.Minute)
			s.unchanged(renewing(s, at("a", ours, 1))).is(None)
			s.unchanged(renewingNode(s, at("a", ours, 1))).is(None)
		},
		nodes:  []string{"a no hash, indexed -1m"},
		events: []string{"1 put ours a"},
	},
	{
		rule: "renew of an evicted hash asks to register again",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			s.evict(s.svc.Node("a"))
			s.unchanged(renewing(s, at("a", ours, 1))).is(None)
			s.register(node("a", ours, 1)).is(Done)
		},
		nodes:  []string{"a live ours/1 rev 2 10m, indexed 10m"},
		events: []string{"1 put ours a", "2 put ours a"},
	},
	{
		rule: "renew with the index evicted asks to register again",
		play: func(s *stage) {
			s.register(node("a", ours, 1), node("b", ours, 1)).is(Done, Done)
			s.age(4 * time.Minute)
			s.evict(s.svc.Index())
			s.unchanged(renewing(s, at("a", ours, 1), at("b", ours, 1))).is(None, None)
			s.register(node("a", ours, 1)).is(Done)
			s.unchanged(renewing(s, at("b", ours, 1))).is(None)
		},
		nodes:  []string{"a live ours/1 rev 3 10m, indexed 10m", "b live ours/1 rev 2 6m, not indexed"},
		events: []string{"1 put ours a", "2 put ours b", "3 put ours a"},
	},
	{
		rule: "renew of a hash that does not say who holds it asks to register again",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			s.age(4 * time.Minute)
			for _, foreign := range []string{"", ours, ours + " 1", ours + " 1 10m 1", "x " + ours + " 1 600000 1"} {
				s.set(s.admin().HSet(s.Context(), s.svc.Node("a"), "lease", foreign).Err())
				s.unchanged(renewing(s, at("a", ours, 1))).is(None)
				s.unchanged(renewingNode(s, at("a", ours, 1))).is(None)
			}
			s.register(node("a", ours, 1)).is(Done)
		},
		nodes:  []string{"a live ours/1 rev 2 10m, indexed 10m"},
		events: []string{"1 put ours a", "2 put ours a"},
	},
	{
		rule: "renew finds an older lease and asks to register again",
		play: func(s *stage) {
			s.register(node("a", older, 1)).is(Done)
			s.age(4 * time.Minute)
			s.unchanged(renewing(s, at("a", ours, 1))).is(None)
			s.unchanged(renewingNode(s, at("a", ours, 1))).is(None)
		},
		nodes:  []string{"a live older/1 rev 1 6m, indexed 6m"},
		events: []string{"1 put older a"},
	},
	{
		rule: "renew finds an older lease's tombstone and asks to register again",
		play: func(s *stage) {
			s.deregister(at("a", older, 1)).is(None)
			s.remove(at("b", older, 1)).is(None)
			s.unchanged(renewing(s, at("a", ours, 1), at("b", ours, 1))).is(None, None)
			s.unchanged(renewingNode(s, at("b", ours, 1))).is(None)
		},
		nodes: []string{"a gone self older/1 1m, not indexed", "b gone op older/1 1m, not indexed"},
	},
	{
		rule: "renew finds an older call's data and asks to register again",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			s.age(4 * time.Minute)
			s.unchanged(renewing(s, at("a", ours, 2))).is(None)
			s.unchanged(renewingNode(s, at("a", ours, 2))).is(None)
		},
		nodes:  []string{"a live ours/1 rev 1 6m, indexed 6m"},
		events: []string{"1 put ours a"},
	},
	{
		rule: "an older renew of the same lease changes nothing",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			s.register(node("a", ours, 2)).is(Done)
			s.age(4 * time.Minute)
			s.unchanged(renewing(s, at("a", ours, 1))).is(Older)
			s.unchanged(renewingNode(s, at("a", ours, 1))).is(Older)
		},
		nodes:  []string{"a live ours/2 rev 2 6m, indexed 6m"},
		events: []string{"1 put ours a", "2 put ours a"},
	},
	{
		rule: "a renew after a takeover is superseded",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			s.register(node("a", newer, 1)).is(Done)
			s.age(4 * time.Minute)
			s.unchanged(renewing(s, at("a", ours, 1))).is(Superseded)
			s.unchanged(renewingNode(s, at("a", ours, 1))).is(Superseded)
		},
		nodes:  []string{"a live newer/1 rev 2 6m, indexed 6m"},
		events: []string{"1 put ours a", "2 put newer a"},
	},
	{
		rule: "a renew after a newer lease was deregistered is superseded",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			s.deregister(at("a", newer, 1)).is(Done)
			s.unchanged(renewing(s, at("a", ours, 1))).is(Superseded)
			s.unchanged(renewingNode(s, at("a", ours, 1))).is(Superseded)
		},
		nodes:  []string{"a gone self newer/1 1m, not indexed"},
		events: []string{"1 put ours a", "2 del newer a"},
	},
	{
		rule: "a renew after an operator's removal returns so",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			s.remove(at("a", ours, 1)).is(Done)
			s.unchanged(renewing(s, at("a", ours, 1))).is(Removed)
			s.unchanged(renewingNode(s, at("a", ours, 1))).is(Removed)
		},
		nodes:  []string{"a gone op ours/1 1m, not indexed"},
		events: []string{"1 put ours a", "2 del ours a"},
	},
	{
		rule: "a renew after its own deregister revives nothing",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			s.deregister(at("a", ours, 1)).is(Done)
			s.unchanged(renewing(s, at("a", ours, 1))).is(Gone)
			s.unchanged(renewingNode(s, at("a", ours, 1))).is(Gone)
		},
		nodes:  []string{"a gone self ours/1 1m, not indexed"},
		events: []string{"1 put ours a", "2 del ours a"},
	},
	{
		rule: "renew answers for each node by itself",
		play: func(s *stage) {
			s.register(node("a", ours, 1), node("b", newer, 1), node("c", ours, 2)).is(Done, Done, Done)
			s.remove(at("d", ours, 1)).is(None)
			s.deregister(at("e", ours, 1)).is(None)
			s.register(node("f", ours, 1)).is(Done)
			s.renew(at("b", ours, 1), at("a", ours, 1), at("c", ours, 1), at("d", ours, 1),
				at("e", ours, 1), at("x", ours, 1), at("f", ours, 1)).
				is(Superseded, Done, Older, Removed, Gone, None, Done)
		},
		nodes: []string{
			"a live ours/1 rev 1 10m, indexed 10m", "b live newer/1 rev 2 10m, indexed 10m",
			"c live ours/2 rev 3 10m, indexed 10m", "d gone op ours/1 1m, not indexed",
			"e gone self ours/1 1m, not indexed", "f live ours/1 rev 4 10m, indexed 10m",
		},
		events: []string{"1 put ours a", "2 put newer b", "3 put ours c", "4 put ours f"},
	},
	{
		rule: "renew of one node by its hash leaves the index behind, and reap mends it",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			s.age(9 * time.Minute)
			s.repeat(renewingNode(s, at("a", ours, 1)), copies(4, Done, Done)...)
			s.age(2 * time.Minute)
			s.reap("a").is(Quiet)
		},
		nodes:  []string{"a live ours/1 rev 1 8m, indexed 8m"},
		events: []string{"1 put ours a"},
	},
}

func renewing(s *stage, nodes ...Lease) func() reply {
	return func() reply { s.Helper(); return s.renew(nodes...) }
}

func renewingNode(s *stage, n Lease) func() reply {
	return func() reply { s.Helper(); return s.renewNode(n) }
}
