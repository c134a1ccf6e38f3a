package lua

import (
	"time"

	"github.com/redis/go-redis/v9"
)

var reapScenarios = []scenario{
	{
		rule: "reap removes an expired node",
		play: func(s *stage) {
			s.register(node("a", ours, 1), node("b", ours, 1)).is(Done, Done)
			s.age(4 * time.Minute)
			s.renew(at("b", ours, 1)).is(Done)
			s.age(7 * time.Minute)
			s.reap("a", "b").is(Done, None)
		},
		nodes:  []string{"b live ours/1 rev 2 3m, indexed 3m"},
		events: []string{"1 put ours a", "2 put ours b", "3 exp - a"},
	},
	{
		rule: "reap repeated changes once",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			s.age(11 * time.Minute)
			s.repeat(reaping(s, "a"), copies(2, Done, None)...)
		},
		events: []string{"1 put ours a", "2 exp - a"},
	},
	{
		rule: "reap four times changes once",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			s.age(11 * time.Minute)
			s.repeat(reaping(s, "a"), copies(4, Done, None)...)
		},
		events: []string{"1 put ours a", "2 exp - a"},
	},
	{
		rule: "reap leaves a node that is not due",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			s.age(9 * time.Minute)
			s.unchanged(reaping(s, "a")).is(None)
		},
		nodes:  []string{"a live ours/1 rev 1 1m, indexed 1m"},
		events: []string{"1 put ours a"},
	},
	{
		rule: "reap leaves a node whose hash was evicted before it is due",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			s.evict(s.svc.Node("a"))
			s.unchanged(reaping(s, "a")).is(None)
		},
		nodes:  []string{"a no hash, indexed 10m"},
		events: []string{"1 put ours a"},
	},
	{
		rule: "reap leaves a node that is in no index",
		play: func(s *stage) {
			s.register(node("a", ours, 1), node("b", ours, 1)).is(Done, Done)
			s.set(s.admin().ZRem(s.Context(), s.svc.Index(), "a").Err())
			s.unchanged(reaping(s, "a", "x")).is(None, None)
		},
		nodes:  []string{"a live ours/1 rev 1 10m, not indexed", "b live ours/1 rev 2 10m, indexed 10m"},
		events: []string{"1 put ours a", "2 put ours b"},
	},
	{
		rule: "reap mends the overdue score of a node that lives",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			s.age(4 * time.Minute)
			s.indexed("a", -time.Minute)
			s.repeat(reaping(s, "a"), copies(4, Quiet, None)...)
		},
		nodes:  []string{"a live ours/1 rev 1 6m, indexed 6m"},
		events: []string{"1 put ours a"},
	},
	{
		rule: "reap removes an overdue node whose hash lost its expiry",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			s.set(s.admin().Persist(s.Context(), s.svc.Node("a")).Err())
			s.unchanged(reaping(s, "a")).is(None)
			s.age(11 * time.Minute)
			s.repeat(reaping(s, "a"), copies(4, Done, None)...)
		},
		events: []string{"1 put ours a", "2 exp ours a"},
	},
	{
		rule: "reap takes an overdue tombstone out of the index, and publishes the deregister",
		play: func(s *stage) {
			s.deregister(at("a", ours, 1)).is(None)
			s.indexed("a", time.Minute)
			s.unchanged(reaping(s, "a")).is(None)
			s.indexed("a", -time.Minute)
			s.repeat(reaping(s, "a"), copies(4, Done, None)...)
		},
		nodes:  []string{"a gone self ours/1 1m, not indexed"},
		events: []string{"1 del ours a"},
	},
	{
		rule: "reap that waited in a stopped redis expires no node",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			s.age(11 * time.Minute)
			s.after = -time.Second
			s.unchanged(reaping(s, "a")).late()
			s.after = time.Minute
			s.reap("a").is(Done)
		},
		events: []string{"1 put ours a", "2 exp - a"},
	},
	{
		rule: "reap answers for each node by itself",
		play: func(s *stage) {
			s.register(node("a", ours, 1), node("b", ours, 1), node("c", ours, 1)).is(Done, Done, Done)
			s.age(11 * time.Minute)
			s.register(node("c", ours, 1), node("d", ours, 1)).is(Done, Done)
			s.indexed("d", -time.Minute)
			s.reap("c", "a", "d", "x", "b").is(None, Done, Quiet, None, Done)
		},
		nodes: []string{"c live ours/1 rev 4 10m, indexed 10m", "d live ours/1 rev 5 10m, indexed 10m"},
		events: []string{
			"1 put ours a", "2 put ours b", "3 put ours c", "4 put ours c", "5 put ours d",
			"6 exp - a", "7 exp - b",
		},
	},
	{
		rule: "a node may come back after it was reaped, under the same lease",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			s.age(11 * time.Minute)
			s.reap("a").is(Done)
			s.renew(at("a", ours, 1)).is(None)
			s.register(node("a", ours, 1)).is(Done)
		},
		nodes:  []string{"a live ours/1 rev 3 10m, indexed 10m"},
		events: []string{"1 put ours a", "2 exp - a", "3 put ours a"},
	},
}

func reaping(s *stage, ids ...string) func() reply {
	return func() reply { s.Helper(); return s.reap(ids...) }
}

// indexed puts a node into the index behind the scripts' back.
func (s *stage) indexed(id string, until time.Duration) {
	s.Helper()
	end := float64(time.Now().Add(until).UnixMilli())
	s.set(s.admin().ZAdd(s.Context(), s.svc.Index(), redis.Z{Member: id, Score: end}).Err())
}
