package lua

import "time"

// expire wants version and log to expire in so long, and the index too where there
// is one; "" being that they are gone.
func (s *stage) expire(in string) {
	s.Helper()
	all := s.dump()
	kept := []string{s.svc.Version(), s.svc.Log()}
	if _, nodes := all[s.svc.Index()]; nodes {
		kept = append(kept, s.svc.Index())
	}
	for _, k := range kept {
		if got := all[k].Expires; got != in {
			s.Errorf("%s expires in %q, want %q", k, got, in)
		}
	}
}

// What becomes of the history of a service without nodes.
var retiredScenarios = []scenario{
	{
		rule: "retired: the history expires a day after the last node left",
		play: func(s *stage) {
			s.register(node("a", ours, 1), node("b", ours, 1)).is(Done, Done)
			s.deregister(at("a", ours, 1)).is(Done)
			s.expire("1510m")
			s.deregister(at("b", ours, 1)).is(Done)
			s.expire("1440m")
		},
		nodes:  []string{"a gone self ours/1 1m, not indexed", "b gone self ours/1 1m, not indexed"},
		events: []string{"1 put ours a", "2 put ours b", "3 del ours a", "4 del ours b"},
	},
	{
		rule: "retired: a node that comes back has the history stay, which goes on",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			s.deregister(at("a", ours, 1)).is(Done)
			s.age(time.Hour)
			s.expire("1380m")
			s.register(node("b", ours, 1)).is(Done)
			s.expire("1510m")
			s.register(node("b", ours, 1)).is(Quiet)
			s.register(node("c", ours, 1)).is(Done)
		},
		nodes:  []string{"b live ours/1 rev 3 10m, indexed 10m", "c live ours/1 rev 4 10m, indexed 10m"},
		events: []string{"1 put ours a", "2 del ours a", "3 put ours b", "4 put ours c"},
	},
	{
		rule: "retired: a register that changes nothing keeps nothing alive",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			s.deregister(at("a", ours, 1)).is(Done)
			s.register(node("a", ours, 1)).is(Gone)
			s.expire("1440m")
			s.after = -time.Second
			s.register(node("b", ours, 1)).late()
			s.expire("1440m")
		},
		nodes:  []string{"a gone self ours/1 1m, not indexed"},
		events: []string{"1 put ours a", "2 del ours a"},
	},
	{
		rule: "retired: after a day a new history begins",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			s.deregister(at("a", ours, 1)).is(Done)
			s.evicted[s.svc.Log()] = true // it expires, and so holds less than all events
			s.age(25 * time.Hour)
			s.expire("")
			s.register(node("b", ours, 1)).is(Done)
			s.expire("1510m")
		},
		nodes:  []string{"b live ours/1 rev 1 10m, indexed 10m"},
		events: []string{"1 put ours a", "2 del ours a", "1 put ours b"},
	},
	{
		rule: "retired: a reaper removes the last node",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			s.age(11 * time.Minute)
			s.reap("a").is(Done)
			s.expire("1440m")
		},
		events: []string{"1 put ours a", "2 exp - a"},
	},
	{
		rule: "retired: the history of an index that was lost expires with the last lease that it listed",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			s.evict(s.svc.Node("a"))
			s.evict(s.svc.Index())
			s.age(time.Hour)
			s.reap("a").is(None)
			s.expire("1450m")
		},
		events: []string{"1 put ours a"},
	},
	{
		rule: "retired: a node that lives comes back into an index that was lost",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			s.evict(s.svc.Index())
			s.age(5 * time.Minute)
			s.reap("a").is(None)
			s.expire("1505m")
			s.renew(at("a", ours, 1)).is(None)
			s.register(node("a", ours, 1)).is(Done)
			s.expire("1510m")
		},
		nodes:  []string{"a live ours/1 rev 2 10m, indexed 10m"},
		events: []string{"1 put ours a", "2 put ours a"},
	},
	{
		rule: "retired: an override that is undone late makes no history that stays",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			s.override("a", drained).is(Done)
			s.deregister(at("a", ours, 1)).is(Done)
			s.evicted[s.svc.Log()] = true
			s.age(25 * time.Hour)
			s.expire("")
			s.override("a", "").is(Done)
			s.expire("1440m")
		},
		events: []string{"1 put ours a", "2 set ours a " + drained, "3 del ours a", "1 set - a"},
	},
}
