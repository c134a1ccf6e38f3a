package lua

import "slices"

// ahead is a lease that starts after any TIME of today.
var ahead = token(1<<52, 4)

// Nodes go the fast way where others of the service exist, and register.lua's where none does.
var guessScenarios = []scenario{
	{
		rule: "guess: one that is not ahead takes a new node",
		play: func(s *stage) {
			s.guess(node("a", ours, 1)).is(Done)
			s.guess(node("b", ours, 1)).is(Done)
		},
		nodes:  []string{"a live ours/1 rev 1 10m, indexed 10m", "b live ours/1 rev 2 10m, indexed 10m"},
		events: []string{"1 put ours a", "2 put ours b"},
	},
	{
		rule: "guess: one that is ahead takes no new node",
		play: func(s *stage) {
			for range 2 { // of a service without nodes, and of one with nodes
				r := s.unchanged(func() reply { return s.guess(node("a", ours, 1), node("b", ahead, 1)) }).is(None, Superseded)
				if !slices.Equal(r.Holders, []string{""}) {
					s.Errorf("holders %q, want one empty", r.Holders)
				}
				s.register(node("c", ours, 1))
			}
		},
		nodes:  []string{"c live ours/1 rev 1 10m, indexed 10m"},
		events: []string{"1 put ours c"},
	},
	{
		rule: "guess: one that is ahead takes no node over",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			r := s.unchanged(func() reply { return s.guess(node("a", ahead, 1)) }).is(Superseded)
			if !slices.Equal(r.Holders, []string{ours}) {
				s.Errorf("holders %q, want that of a", r.Holders)
			}
			s.deregister(at("a", ours, 1)).is(Done)
			s.unchanged(func() reply { return s.guess(node("a", ahead, 1)) }).is(Superseded)
		},
		nodes:  []string{"a gone self ours/1 1m, not indexed"},
		events: []string{"1 put ours a", "2 del ours a"},
	},
	{
		rule: "guess: one that has the node is refreshed and changed, ahead or not",
		play: func(s *stage) {
			s.register(node("a", ahead, 1)).is(Done)
			s.guess(node("a", ahead, 1)).is(Quiet)
			s.guess(node("a", ahead, 2)).is(Done)
			s.guess(node("a", ahead, 1)).is(Older)
		},
		nodes:  []string{"a live 4503599627370496-000000000004/2 rev 2 10m, indexed 10m"},
		events: []string{"1 put 4503599627370496-000000000004 a", "2 put 4503599627370496-000000000004 a"},
	},
	{
		rule: "guess: exclusive as well",
		play: func(s *stage) {
			s.register(node("a", older, 1)).is(Done)
			both := RegisterCall{Exclusive: true, Guess: true}
			s.unchanged(func() reply { return s.call(both, node("a", ours, 1)) }).is(Conflict)
			s.unchanged(func() reply { return s.call(both, node("b", ahead, 1)) }).is(Superseded)
			s.call(both, node("b", ours, 1)).is(Done)
		},
		nodes:  []string{"a live older/1 rev 1 10m, indexed 10m", "b live ours/1 rev 2 10m, indexed 10m"},
		events: []string{"1 put older a", "2 put ours b"},
	},
}
