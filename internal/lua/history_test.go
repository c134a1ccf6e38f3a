package lua

import (
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

var historyScenarios = []scenario{
	{
		rule: "history: an evicted version begins a new one, which follows nothing",
		play: func(s *stage) {
			s.register(node("a", ours, 1), node("b", ours, 1)).is(Done, Done)
			s.evict(s.svc.Version())
			s.register(node("c", ours, 1), node("d", ours, 1)).is(Done, Done)
		},
		nodes: []string{
			"a live ours/1 rev 1 10m, indexed 10m", "b live ours/1 rev 2 10m, indexed 10m",
			"c live ours/1 rev 1 10m, indexed 10m", "d live ours/1 rev 2 10m, indexed 10m",
		},
		events: []string{"1 put ours a", "2 put ours b", "1 put ours c", "2 put ours d"},
	},
	{
		rule: "history: every script begins a new one where the version was evicted",
		play: func(s *stage) {
			s.register(node("a", ours, 1), node("b", ours, 1)).is(Done, Done)
			s.evict(s.svc.Version())
			s.override("a", drained).is(Done)
			s.evict(s.svc.Version())
			s.deregister(at("b", ours, 1)).is(Done)
			s.evict(s.svc.Version())
			s.age(11 * time.Minute)
			s.reap("a").is(Done)
		},
		events: []string{"1 put ours a", "2 put ours b", "1 set ours a " + drained, "1 del ours b", "1 exp - a"},
	},
	{
		rule: "history: a version that cannot be read begins a new one",
		play: func(s *stage) {
			for i, foreign := range []string{"e", "e 1", "e many t", "e 1 t t", "e -1 t", ""} {
				s.register(node(strconv.Itoa(i), ours, 1)).is(Done)
				s.set(s.admin().Set(s.Context(), s.svc.Version(), foreign, redis.KeepTTL).Err())
			}
			s.register(node("z", ours, 1)).is(Done)
		},
		nodes: []string{
			"0 live ours/1 rev 1 10m, indexed 10m", "1 live ours/1 rev 1 10m, indexed 10m",
			"2 live ours/1 rev 1 10m, indexed 10m", "3 live ours/1 rev 1 10m, indexed 10m",
			"4 live ours/1 rev 1 10m, indexed 10m", "5 live ours/1 rev 1 10m, indexed 10m",
			"z live ours/1 rev 1 10m, indexed 10m",
		},
		events: []string{
			"1 put ours 0", "1 put ours 1", "1 put ours 2", "1 put ours 3", "1 put ours 4", "1 put ours 5", "1 put ours z",
		},
	},
	{
		rule: "history: only a change begins one",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			s.evict(s.svc.Version())
			s.age(4 * time.Minute)
			s.register(node("a", ours, 1)).is(Quiet)
			s.renew(at("a", ours, 1)).is(Done)
			s.deregister(at("x", ours, 1)).is(None)
			s.indexed("a", -time.Minute)
			s.reap("a").is(Quiet)
			s.override("a", "").is(Quiet)
		},
		nodes:  []string{"a live ours/1 rev 1 10m, indexed 10m", "x gone self ours/1 1m, not indexed"},
		events: []string{"1 put ours a"},
	},
	{
		rule: "history: an evicted log does not break the chain",
		play: func(s *stage) {
			s.register(node("a", ours, 1), node("b", ours, 1)).is(Done, Done)
			s.evict(s.svc.Log())
			s.register(node("a", ours, 2)).is(Done)
			s.deregister(at("b", ours, 1)).is(Done)
			if n := len(s.dump()[s.svc.Log()].Items); n != 2 {
				s.Errorf("the log has %d entries, want 2", n)
			}
		},
		nodes:  []string{"a live ours/2 rev 3 10m, indexed 10m", "b gone self ours/1 1m, not indexed"},
		events: []string{"1 put ours a", "2 put ours b", "3 put ours a", "4 del ours b"},
	},
	{
		rule: "history: after a flush nodes come back into a new one",
		play: func(s *stage) {
			s.register(node("a", ours, 1), node("b", ours, 3)).is(Done, Done)
			s.override("a", drained).is(Done)
			s.clear()
			s.renew(at("a", ours, 1), at("b", ours, 3)).is(None, None)
			s.register(node("a", ours, 1), node("b", ours, 3)).is(Done, Done)
		},
		nodes:  []string{"a live ours/1 rev 1 10m, indexed 10m", "b live ours/3 rev 2 10m, indexed 10m"},
		events: []string{"1 put ours a", "2 put ours b", "3 set ours a " + drained, "1 put ours a", "2 put ours b"},
	},
}
