package lua

import (
	"math"
	"time"

	"github.com/redis/go-redis/v9"
)

// How long the keys of a service stay that has nodes, or had some until they
// crashed: a day after the last lease ends, and up to an hour more. Leases are 10
// minutes long, so that is 1510 minutes after a registration at most.
var keptScenarios = []scenario{
	{
		rule: "kept: nodes that crash leave nothing, even if no process reaps them",
		play: func(s *stage) {
			s.register(node("a", ours, 1), node("b", ours, 1)).is(Done, Done)
			s.register(node("a", ours, 2)).is(Done)
			s.renew(at("a", ours, 2), at("b", ours, 1)).is(Done, Done)
			s.age(24 * time.Hour)
			s.expire("70m")
			s.evicted[s.svc.Version()], s.evicted[s.svc.Log()] = true, true // they expire
			s.age(71 * time.Minute)
			if names := s.names(); len(names) > 0 {
				s.Errorf("left in Redis: %v", names)
			}
		},
		events: []string{"1 put ours a", "2 put ours b", "3 put ours a"},
	},
	{
		rule: "kept: renewals push the end out once an hour",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			for range 7 {
				s.age(8 * time.Minute)
				s.renew(at("a", ours, 1)).is(Done)
			}
			s.expire("1454m")
			s.age(8 * time.Minute)
			s.renew(at("a", ours, 1)).is(Done)
			s.expire("1510m")
		},
		nodes:  []string{"a live ours/1 rev 1 10m, indexed 10m"},
		events: []string{"1 put ours a"},
	},
	{
		rule: "kept: a register that refreshes pushes the end out",
		play: func(s *stage) {
			long := node("a", ours, 1)
			long.TTL = 10 * time.Hour
			s.register(long).is(Done)
			s.age(2 * time.Hour)
			s.register(long).is(Quiet)
			s.expire("2100m")
		},
		nodes:  []string{"a live ours/1 rev 1 600m, indexed 600m"},
		events: []string{"1 put ours a"},
	},
	{
		rule: "kept: the longest lease counts, for as long as it is there",
		play: func(s *stage) {
			long := node("long", ours, 1)
			long.TTL = 48 * time.Hour
			s.register(node("a", ours, 1)).is(Done)
			s.register(long).is(Done)
			s.expire("4380m")
			s.register(node("b", ours, 1)).is(Done)
			s.age(5 * time.Minute)
			s.renew(at("a", ours, 1), at("b", ours, 1)).is(Done, Done)
			s.expire("4375m")
			s.age(2 * time.Hour)
			s.reap("a").is(Done)
			s.expire("4255m")
			s.renew(at("long", ours, 1), at("a", ours, 1)).is(Done, None)
			s.expire("4380m")
			s.register(node("a", ours, 1)).is(Done)
			s.deregister(at("long", ours, 1)).is(Done)
			s.expire("1510m")
			s.register(node("long", newer, 1)).is(Done)
			long.Token, long.Seq = newer, 2
			s.register(long).is(Done)
			s.expire("4380m")
			s.register(node("long", newer, 3)).is(Done) // with a shorter TTL
			s.expire("1510m")
		},
		nodes: []string{
			"a live ours/1 rev 5 10m, indexed 10m", "b no hash, indexed -110m", "long live newer/3 rev 9 10m, indexed 10m",
		},
		events: []string{
			"1 put ours a", "2 put ours long", "3 put ours b", "4 exp - a", "5 put ours a", "6 del ours long",
			"7 put newer long", "8 put newer long", "9 put newer long",
		},
	},
	{
		rule: "kept: a lost hash leaves no long lease behind, once its node registers with a shorter one",
		play: func(s *stage) {
			long := node("long", ours, 1)
			long.TTL = 48 * time.Hour
			s.register(node("a", ours, 1)).is(Done)
			s.register(long).is(Done)
			s.evict(s.svc.Node("long"))
			s.register(node("long", newer, 1)).is(Done)
			s.expire("1510m")
		},
		nodes:  []string{"a live ours/1 rev 1 10m, indexed 10m", "long live newer/1 rev 3 10m, indexed 10m"},
		events: []string{"1 put ours a", "2 put ours long", "3 put newer long"},
	},
	{
		rule: "kept: a key without an expiry gets one",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			for _, call := range []func(){
				func() { s.renew(at("a", ours, 1)).is(Done) },
				func() { s.register(node("a", ours, 1)).is(Quiet) },
				func() { s.register(node("a", ours, 2)).is(Done) },
			} {
				for _, k := range []string{s.svc.Index(), s.svc.Version(), s.svc.Log()} {
					s.set(s.admin().Persist(s.Context(), k).Err())
				}
				call()
				s.expire("1510m")
			}
		},
		nodes:  []string{"a live ours/2 rev 2 10m, indexed 10m"},
		events: []string{"1 put ours a", "2 put ours a"},
	},
	{
		rule: "kept: a version or a log that is made anew expires with the rest",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			s.evict(s.svc.Version())
			s.register(node("a", ours, 2)).is(Done)
			s.expire("1510m")
			s.evict(s.svc.Log())
			s.override("a", drained).is(Done)
			s.expire("1510m")
		},
		nodes:  []string{"a live ours/2 rev 1 10m, indexed 10m"},
		events: []string{"1 put ours a", "1 put ours a", "2 set ours a " + drained},
	},
	{
		rule: "kept: a reaper that mends the index pushes the end out",
		play: func(s *stage) {
			long := node("a", ours, 1)
			long.TTL = 10 * time.Hour
			s.register(long).is(Done)
			s.age(9 * time.Hour)
			s.renewNode(at("a", ours, 1)).is(Done)
			s.age(2 * time.Hour)
			s.reap("a").is(Quiet)
			s.expire("1980m")
		},
		nodes:  []string{"a live ours/1 rev 1 480m, indexed 480m"},
		events: []string{"1 put ours a"},
	},
	{
		rule: "kept: a score of another program's, however high, is refused nothing",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			for _, score := range []float64{math.Inf(1), 1e300, 1e17} {
				s.set(s.admin().ZAdd(s.Context(), s.svc.Index(), redis.Z{Member: "foreign", Score: score}).Err())
				s.register(node("a", ours, 1)).is(Quiet)
			}
			s.set(s.admin().ZRem(s.Context(), s.svc.Index(), "foreign").Err())
			s.register(node("a", ours, 2)).is(Done)
			s.expire("1510m")
		},
		nodes:  []string{"a live ours/2 rev 2 10m, indexed 10m"},
		events: []string{"1 put ours a", "2 put ours a"},
	},
}
