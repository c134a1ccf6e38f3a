package lua

import (
	"slices"
	"time"
)

var fencingScenarios = []scenario{
	{
		rule: "fencing: a register that is refused returns the leases that hold the nodes",
		play: func(s *stage) {
			s.register(node("a", newer, 1), node("b", older, 1), node("c", ours, 3)).is(Done, Done, Done)
			all := []Registration{node("a", ours, 1), node("b", ours, 1), node("c", ours, 1), node("d", ours, 1)}
			if r := s.register(all...).is(Superseded, None, None, None); !slices.Equal(r.Holders, []string{newer}) {
				s.Errorf("holders %v, want that of a", r.Holders)
			}
			if r := s.exclusive(all...).is(Superseded, Conflict, None, None); !slices.Equal(r.Holders, []string{newer, older}) {
				s.Errorf("holders %v, want those of a and b", r.Holders)
			}
			if r := s.register(node("b", ours, 1), node("d", ours, 1)).is(Done, Done); r.Holders != nil {
				s.Errorf("holders %v of a call that was not refused", r.Holders)
			}
		},
		nodes: []string{
			"a live newer/1 rev 1 10m, indexed 10m", "b live ours/1 rev 4 10m, indexed 10m",
			"c live ours/3 rev 3 10m, indexed 10m", "d live ours/1 rev 5 10m, indexed 10m",
		},
		events: []string{"1 put newer a", "2 put older b", "3 put ours c", "4 put ours b", "5 put ours d"},
	},
	{
		rule: "fencing: a newer lease takes a node over",
		play: func(s *stage) {
			s.register(node("a", older, 5)).is(Done)
			s.register(node("a", ours, 1)).is(Done)
		},
		nodes:  []string{"a live ours/1 rev 2 10m, indexed 10m"},
		events: []string{"1 put older a", "2 put ours a"},
	},
	{
		rule: "fencing: an old register after a takeover changes nothing",
		play: func(s *stage) {
			s.register(node("a", ours, 5)).is(Done)
			s.register(node("a", newer, 1)).is(Done)
			s.age(4 * time.Minute)
			s.unchanged(registering(s, node("a", ours, 5))).is(Superseded)
			s.unchanged(registering(s, node("a", ours, 6))).is(Superseded)
		},
		nodes:  []string{"a live newer/1 rev 2 6m, indexed 6m"},
		events: []string{"1 put ours a", "2 put newer a"},
	},
	{
		rule: "fencing: an old register that lands after the newer one loses",
		play: func(s *stage) {
			s.register(node("a", newer, 1)).is(Done)
			s.age(4 * time.Minute)
			s.unchanged(registering(s, node("a", ours, 1))).is(Superseded)
		},
		nodes:  []string{"a live newer/1 rev 1 6m, indexed 6m"},
		events: []string{"1 put newer a"},
	},
	{
		rule: "fencing: an older register of the same lease changes nothing",
		play: func(s *stage) {
			s.register(node("a", ours, 2)).is(Done)
			s.age(4 * time.Minute)
			n := node("a", ours, 1)
			n.Data = []byte("{}")
			s.unchanged(registering(s, n)).is(Older)
			s.unchanged(registering(s, node("a", ours, 1))).is(Older)
		},
		nodes:  []string{"a live ours/2 rev 1 6m, indexed 6m"},
		events: []string{"1 put ours a"},
	},
	{
		rule: "fencing: an older register of the same lease mends no index",
		play: func(s *stage) {
			s.register(node("a", ours, 2)).is(Done)
			s.evict(s.svc.Index())
			s.unchanged(registering(s, node("a", ours, 1))).is(Older)
		},
		nodes:  []string{"a live ours/2 rev 1 10m, not indexed"},
		events: []string{"1 put ours a"},
	},
	{
		rule: "fencing: a register after its own deregister brings nothing back",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			s.deregister(at("a", ours, 1)).is(Done)
			s.unchanged(registering(s, node("a", ours, 1))).is(Gone)
			s.unchanged(registering(s, node("a", ours, 9))).is(Gone)
			s.unchanged(func() reply { return s.exclusive(node("a", ours, 1)) }).is(Gone)
		},
		nodes:  []string{"a gone self ours/1 1m, not indexed"},
		events: []string{"1 put ours a", "2 del ours a"},
	},
	{
		rule: "fencing: a register after an operator's removal brings nothing back",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			s.remove(at("a", ours, 1)).is(Done)
			s.unchanged(registering(s, node("a", ours, 1))).is(Removed)
			s.unchanged(registering(s, node("a", ours, 9))).is(Removed)
		},
		nodes:  []string{"a gone op ours/1 1m, not indexed"},
		events: []string{"1 put ours a", "2 del ours a"},
	},
	{
		rule: "fencing: a register older than a deregister brings nothing back",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			s.deregister(at("a", ours, 1)).is(Done)
			s.unchanged(registering(s, node("a", older, 1))).is(Superseded)
		},
		nodes:  []string{"a gone self ours/1 1m, not indexed"},
		events: []string{"1 put ours a", "2 del ours a"},
	},
	{
		rule: "fencing: a deregister that overtakes its register keeps the node away",
		play: func(s *stage) {
			s.deregister(at("a", ours, 1)).is(None)
			s.unchanged(registering(s, node("a", ours, 1))).is(Gone)
		},
		nodes: []string{"a gone self ours/1 1m, not indexed"},
	},
	{
		rule: "fencing: a newer lease may come after a deregister",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			s.deregister(at("a", ours, 1)).is(Done)
			s.register(node("a", newer, 1)).is(Done)
		},
		nodes:  []string{"a live newer/1 rev 3 10m, indexed 10m"},
		events: []string{"1 put ours a", "2 del ours a", "3 put newer a"},
	},
	{
		rule: "fencing: a newer lease may come after an operator's removal",
		play: func(s *stage) {
			s.register(node("a", ours, 1)).is(Done)
			s.remove(at("a", ours, 1)).is(Done)
			s.register(node("a", newer, 1)).is(Done)
		},
		nodes:  []string{"a live newer/1 rev 3 10m, indexed 10m"},
		events: []string{"1 put ours a", "2 del ours a", "3 put newer a"},
	},
	{
		rule: "fencing: leases compare by start, as numbers",
		play: func(s *stage) {
			s.register(node("a", token(9, 0xff), 1)).is(Done)
			s.register(node("a", token(10, 1), 1)).is(Done)
			s.unchanged(registering(s, node("a", token(9, 0xff), 2))).is(Superseded)
			s.unchanged(func() reply { return s.renew(at("a", token(9, 0xff), 1)) }).is(Superseded)
			s.unchanged(func() reply { return s.deregister(at("a", token(9, 0xff), 1)) }).is(Superseded)
		},
		nodes:  []string{"a live 10-000000000001/1 rev 2 10m, indexed 10m"},
		events: []string{"1 put 9-0000000000ff a", "2 put 10-000000000001 a"},
	},
	{
		rule: "fencing: leases of one start compare by nonce",
		play: func(s *stage) {
			s.register(node("a", token(9, 9), 1)).is(Done)
			s.register(node("a", token(9, 0xa), 1)).is(Done)
			s.unchanged(registering(s, node("a", token(9, 9), 2))).is(Superseded)
			s.register(node("a", token(9, 0x10), 1)).is(Done)
		},
		nodes:  []string{"a live 9-000000000010/1 rev 3 10m, indexed 10m"},
		events: []string{"1 put 9-000000000009 a", "2 put 9-00000000000a a", "3 put 9-000000000010 a"},
	},
	{
		rule: "fencing: the start counts before the nonce",
		play: func(s *stage) {
			s.register(node("a", token(9, 0xff), 1)).is(Done)
			s.register(node("a", token(10, 0), 1)).is(Done)
			s.unchanged(registering(s, node("a", token(9, 0xff), 1))).is(Superseded)
		},
		nodes:  []string{"a live 10-000000000000/1 rev 2 10m, indexed 10m"},
		events: []string{"1 put 9-0000000000ff a", "2 put 10-000000000000 a"},
	},
	{
		rule: "exclusive: refused while an older lease lives",
		play: func(s *stage) {
			s.register(node("a", older, 1)).is(Done)
			s.age(4 * time.Minute)
			s.unchanged(func() reply { return s.exclusive(node("a", ours, 1)) }).is(Conflict)
		},
		nodes:  []string{"a live older/1 rev 1 6m, indexed 6m"},
		events: []string{"1 put older a"},
	},
	{
		rule: "exclusive: a newer lease that lives supersedes",
		play: func(s *stage) {
			s.register(node("a", newer, 1)).is(Done)
			s.unchanged(func() reply { return s.exclusive(node("a", ours, 1)) }).is(Superseded)
		},
		nodes:  []string{"a live newer/1 rev 1 10m, indexed 10m"},
		events: []string{"1 put newer a"},
	},
	{
		rule: "exclusive: granted to the lease that holds the node",
		play: func(s *stage) {
			s.exclusive(node("a", ours, 1)).is(Done)
			s.exclusive(node("a", ours, 1)).is(Quiet)
			s.exclusive(node("a", ours, 2)).is(Done)
			s.exclusive(node("a", ours, 1)).is(Older)
		},
		nodes:  []string{"a live ours/2 rev 2 10m, indexed 10m"},
		events: []string{"1 put ours a", "2 put ours a"},
	},
	{
		rule: "exclusive: granted after an older lease was deregistered",
		play: func(s *stage) {
			s.register(node("a", older, 1)).is(Done)
			s.deregister(at("a", older, 1)).is(Done)
			s.exclusive(node("a", ours, 1)).is(Done)
		},
		nodes:  []string{"a live ours/1 rev 3 10m, indexed 10m"},
		events: []string{"1 put older a", "2 del older a", "3 put ours a"},
	},
	{
		rule: "exclusive: granted after an expiry, index entry or not",
		play: func(s *stage) {
			s.register(node("a", older, 1)).is(Done)
			s.age(11 * time.Minute)
			s.exclusive(node("a", ours, 1)).is(Done)
		},
		nodes:  []string{"a live ours/1 rev 2 10m, indexed 10m"},
		events: []string{"1 put older a", "2 put ours a"},
	},
}
