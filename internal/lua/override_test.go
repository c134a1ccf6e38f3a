package lua

import "time"

const drained = `{"status":"draining"}`

var overrideScenarios = []scenario{
	{
		rule: "override is set and published once, however often it arrives",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			s.repeat(overriding(s, "a", drained), copies(4, Done, Quiet)...)
		},
		nodes:  []string{"a live ours/1 rev 1 10m, indexed 10m"},
		events: []string{"1 put ours a", "2 set ours a " + drained},
	},
	{
		rule: "override is undone and published once, however often it arrives",
		play: func(s *stage) {
			s.register(node("a", ours, 1), node("b", ours, 1)).is(Done, Done)
			s.override("a", drained).is(Done)
			s.override("b", drained).is(Done)
			s.repeat(overriding(s, "a", ""), copies(4, Done, Quiet)...)
			s.overridden("b")
		},
		nodes:  []string{"a live ours/1 rev 1 10m, indexed 10m", "b live ours/1 rev 2 10m, indexed 10m"},
		events: []string{"1 put ours a", "2 put ours b", "3 set ours a " + drained, "4 set ours b " + drained, "5 set ours a"},
	},
	{
		rule: "override by another one is a change",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			s.override("a", drained).is(Done)
			s.override("a", "{}").is(Done)
		},
		nodes:  []string{"a live ours/1 rev 1 10m, indexed 10m"},
		events: []string{"1 put ours a", "2 set ours a " + drained, "3 set ours a {}"},
	},
	{
		rule: "override that never was is undone quietly",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			s.unchanged(overriding(s, "a", "")).is(Quiet)
			s.unchanged(overriding(s, "x", "")).is(Quiet)
		},
		nodes:  []string{"a live ours/1 rev 1 10m, indexed 10m"},
		events: []string{"1 put ours a"},
	},
	{
		rule: "override of an unknown node is not set",
		play: func(s *stage) {
			s.unchanged(overriding(s, "a", drained)).is(None)
			s.deregister(at("b", ours, 1)).is(None)
			s.unchanged(overriding(s, "b", drained)).is(None)
		},
		nodes: []string{"b gone self ours/1 1m, not indexed"},
	},
	{
		rule: "override survives register, takeover, deregister and reap",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			s.override("a", drained).is(Done)
			s.register(node("a", ours, 2)).is(Done)
			s.register(node("a", newer, 1)).is(Done)
			s.deregister(at("a", newer, 1)).is(Done)
			s.overridden("a")
			s.register(node("a", token(1<<51, 0), 1)).is(Done)
			s.age(11 * time.Minute)
			s.reap("a").is(Done)
			s.overridden("a")
		},
		events: []string{
			"1 put ours a", "2 set ours a " + drained, "3 put ours a", "4 put newer a", "5 del newer a",
			"6 put 2251799813685248-000000000000 a", "7 exp - a",
		},
	},
	{
		rule: "override of a node that left can be undone",
		play: func(s *stage) {
			s.register(node("a", ours, 1), node("b", ours, 1)).is(Done, Done)
			s.override("a", drained).is(Done)
			s.override("b", drained).is(Done)
			s.deregister(at("a", ours, 1)).is(Done)
			s.override("a", "").is(Done)
			s.age(11 * time.Minute)
			s.reap("b").is(Done)
			s.override("b", "").is(Done)
			s.overridden()
		},
		events: []string{
			"1 put ours a", "2 put ours b", "3 set ours a " + drained, "4 set ours b " + drained,
			"5 del ours a", "6 set ours a", "7 exp - b", "8 set - b",
		},
	},
}

func overriding(s *stage, id, json string) func() reply {
	return func() reply { s.Helper(); return s.override(id, json) }
}

// overridden wants these nodes to be drained by the operator, and no others.
func (s *stage) overridden(ids ...string) {
	s.Helper()
	fields := s.dump()[s.svc.Override()].Fields
	for _, id := range ids {
		if plain(fields[id]) != drained {
			s.Errorf("override of %s = %q, want %q", id, fields[id], drained)
		}
	}
	if len(fields) != len(ids) {
		s.Errorf("overrides = %v, want those of %v", fields, ids)
	}
}
