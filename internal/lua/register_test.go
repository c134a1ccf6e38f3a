package lua

import "time"

var registerScenarios = []scenario{
	{
		rule: "register writes a node",
		play: func(s *stage) {
			n := node("10.0.0.1:80", ours, 7)
			n.APIs = []byte(`{"openapi":"3.1"}`)
			s.register(n).is(Done)
			s.hash("10.0.0.1:80", map[string]string{
				"lease": ours + " 7 600000 1", "data": usual("10.0.0.1:80"), "apis": `{"openapi":"3.1"}`,
			})
		},
		nodes:  []string{"10.0.0.1:80 live ours/7 rev 1 10m, indexed 10m"},
		events: []string{"1 put ours 10.0.0.1:80"},
	},
	{
		rule:   "register repeated changes once",
		play:   func(s *stage) { s.repeat(registering(s, node("a", ours, 1)), copies(2, Done, Quiet)...) },
		nodes:  []string{"a live ours/1 rev 1 10m, indexed 10m"},
		events: []string{"1 put ours a"},
	},
	{
		rule:   "register four times changes once",
		play:   func(s *stage) { s.repeat(registering(s, node("a", ours, 1)), copies(4, Done, Quiet)...) },
		nodes:  []string{"a live ours/1 rev 1 10m, indexed 10m"},
		events: []string{"1 put ours a"},
	},
	{
		rule: "register of unchanged data refreshes the lease quietly",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			s.age(4 * time.Minute)
			s.register(node("a", ours, 1)).is(Quiet)
		},
		nodes:  []string{"a live ours/1 rev 1 10m, indexed 10m"},
		events: []string{"1 put ours a"},
	},
	{
		rule: "register of another record is a change",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			n := node("a", ours, 1)
			n.Data = []byte("{}")
			s.register(n).is(Done)
		},
		nodes:  []string{"a live ours/1 rev 2 10m, indexed 10m"},
		events: []string{"1 put ours a", "2 put ours a {}"},
	},
	{
		rule: "register with another TTL is a change",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			n := node("a", ours, 1)
			n.TTL = 20 * time.Minute
			s.register(n).is(Done)
		},
		nodes:  []string{"a live ours/1 rev 2 20m, indexed 20m"},
		events: []string{"1 put ours a", "2 put ours a"},
	},
	{
		rule: "register of a higher seq is a change",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			s.register(node("a", ours, 2)).is(Done)
		},
		nodes:  []string{"a live ours/2 rev 2 10m, indexed 10m"},
		events: []string{"1 put ours a", "2 put ours a"},
	},
	{
		rule: "register of a changed node keeps no field of the former",
		play: func(s *stage) {
			n := node("a", ours, 1)
			n.APIs = []byte(`{"openapi":"3.1"}`)
			s.register(n).is(Done)
			s.register(node("a", ours, 2)).is(Done)
			s.hash("a", map[string]string{"lease": ours + " 2 600000 2", "data": usual("a")})
		},
		nodes:  []string{"a live ours/2 rev 2 10m, indexed 10m"},
		events: []string{"1 put ours a", "2 put ours a"},
	},
	{
		rule: "register keeps every byte of a record",
		play: func(s *stage) {
			n := node("a", ours, 1)
			n.Data = []byte("\x00\xff\n {}[] %s \r\n")
			s.register(n).is(Done)
			s.register(n).is(Quiet)
		},
		nodes:  []string{"a live ours/1 rev 1 10m, indexed 10m"},
		events: []string{"1 put ours a \x00\xff\n {}[] %s \r\n"},
	},
	{
		rule: "register writes large numbers in full",
		play: func(s *stage) {
			s.register(node("a", ours, 1<<53-1)).is(Done)
			s.register(node("a", ours, 1<<53-2)).is(Older)
			s.renew(at("a", ours, 1<<53-1)).is(Done)
		},
		nodes:  []string{"a live ours/9007199254740991 rev 1 10m, indexed 10m"},
		events: []string{"1 put ours a"},
	},
	{
		rule: "register takes any id",
		play: func(s *stage) {
			s.register(node(`a b/ü{x}*%"`, ours, 1)).is(Done)
			s.renew(at(`a b/ü{x}*%"`, ours, 1)).is(Done)
			s.override(`a b/ü{x}*%"`, "{}").is(Done)
			s.deregister(at(`a b/ü{x}*%"`, ours, 1)).is(Done)
			s.reap(`a b/ü{x}*%"`).is(None)
		},
		nodes: []string{"a%20b%2F%C3%BC%7Bx%7D%2A%25%22 gone self ours/1 1m, not indexed"},
		events: []string{
			`1 put ours a%20b%2F%C3%BC%7Bx%7D%2A%25%22 {"of":"a b/ü{x}*%""}`,
			"2 set ours a%20b%2F%C3%BC%7Bx%7D%2A%25%22 {}",
			"3 del ours a%20b%2F%C3%BC%7Bx%7D%2A%25%22",
		},
	},
	{
		rule: "register after an expiry is a change",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			s.age(11 * time.Minute)
			s.register(node("a", ours, 1)).is(Done)
		},
		nodes:  []string{"a live ours/1 rev 2 10m, indexed 10m"},
		events: []string{"1 put ours a", "2 put ours a"},
	},
	{
		rule: "register makes an evicted index entry again, and publishes",
		play: func(s *stage) {
			s.register(node("a", ours, 1), node("b", ours, 1)).is(Done, Done)
			s.evict(s.svc.Index())
			s.register(node("a", ours, 1)).is(Done)
		},
		nodes:  []string{"a live ours/1 rev 3 10m, indexed 10m", "b live ours/1 rev 2 10m, not indexed"},
		events: []string{"1 put ours a", "2 put ours b", "3 put ours a"},
	},
	{
		rule: "the answer names the lease that ends next",
		play: func(s *stage) {
			short, long := node("a", ours, 1), node("b", ours, 1)
			short.TTL, long.TTL = 5*time.Minute, 20*time.Minute
			if r := s.register(short, long).is(Done, Done); minutes(time.Until(r.Next)) != "5m" {
				s.Errorf("next = %v, want in 5 minutes", r.Next)
			}
			if r := s.deregister(at("a", ours, 1)).is(Done); minutes(time.Until(r.Next)) != "20m" {
				s.Errorf("next = %v, want in 20 minutes", r.Next)
			}
			if r := s.deregister(at("b", ours, 1)).is(Done); !r.Next.IsZero() {
				s.Errorf("next = %v, want none", r.Next)
			}
		},
		nodes:  []string{"a gone self ours/1 1m, not indexed", "b gone self ours/1 1m, not indexed"},
		events: []string{"1 put ours a", "2 put ours b", "3 del ours a", "4 del ours b"},
	},
}

func registering(s *stage, nodes ...Registration) func() reply {
	return func() reply { s.Helper(); return s.register(nodes...) }
}
