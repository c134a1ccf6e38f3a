package lua

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// refusedScenarios are calls of every script that must write nothing.
var refusedScenarios = slices.Concat(lateScenarios(), wrongTypeScenarios(), malformedScenarios())

// A writing is a call of a script, and the keys that have to be of the right type for it.
type writing struct {
	name string
	call func(*stage) reply
	keys func(s *stage) []string
}

// writings are calls that would change much on the stage that refused prepares.
var writings = []writing{
	{
		"register", func(s *stage) reply { return s.register(node("a", ours, 2), node("new", ours, 1)) },
		func(s *stage) []string { return history(s, s.svc.Node("a"), s.svc.Node("new")) },
	},
	{
		"renew", func(s *stage) reply { return s.renew(at("a", ours, 1), at("b", ours, 1)) },
		func(s *stage) []string { return []string{s.svc.Index(), s.svc.Node("a"), s.svc.Node("b")} },
	},
	{
		"renew node", func(s *stage) reply { return s.renewNode(at("a", ours, 1)) },
		func(s *stage) []string { return []string{s.svc.Node("a")} },
	},
	{
		"deregister", func(s *stage) reply { return s.deregister(at("a", ours, 1), at("new", ours, 1)) },
		func(s *stage) []string { return history(s, s.svc.Node("a"), s.svc.Node("new")) },
	},
	{
		"remove", func(s *stage) reply { return s.remove(at("a", ours, 1)) },
		func(s *stage) []string { return history(s, s.svc.Node("a")) },
	},
	{
		"undo", func(s *stage) reply { return s.undo(at("a", ours, 1)) },
		func(s *stage) []string { return history(s, s.svc.Node("a")) },
	},
	{
		"reap", func(s *stage) reply { return s.reap("late", "b") },
		func(s *stage) []string { return history(s, s.svc.Node("late"), s.svc.Node("b")) },
	},
	{
		"override", func(s *stage) reply { return s.override("b", drained) },
		func(s *stage) []string { return history(s, s.svc.Override(), s.svc.Node("b")) },
	},
	{
		"undo override", func(s *stage) reply { return s.override("a", "") },
		func(s *stage) []string { return history(s, s.svc.Override(), s.svc.Node("a")) },
	},
}

// fastWritings are calls of register that go its fast way.
var fastWritings = []writing{
	{
		"register of a new node", func(s *stage) reply { return s.register(node("new", ours, 1)) },
		func(s *stage) []string { return history(s, s.svc.Node("new")) },
	},
	{
		"register of a change", func(s *stage) reply { return s.register(node("a", ours, 2)) },
		func(s *stage) []string { return history(s, s.svc.Node("a")) },
	},
	{
		"register of no change", func(s *stage) reply { return s.register(node("a", ours, 1), node("b", ours, 1)) },
		func(s *stage) []string { return history(s, s.svc.Node("a"), s.svc.Node("b")) },
	},
}

func history(s *stage, more ...string) []string {
	return append([]string{s.svc.Index(), s.svc.Version(), s.svc.Log()}, more...)
}

// refused prepares a stage with two nodes that live, of which a is overridden,
// and one that is overdue; then it plays.
func refused(rule string, play func(*stage)) scenario {
	return scenario{
		rule: rule,
		play: func(s *stage) {
			s.register(node("late", ours, 1)).is(Done)
			s.age(11 * time.Minute)
			s.register(node("a", ours, 1), node("b", ours, 1)).is(Done, Done)
			s.override("a", drained).is(Done)
			s.age(4 * time.Minute)
			play(s)
		},
		nodes: []string{
			"a live ours/1 rev 2 6m, indexed 6m", "b live ours/1 rev 3 6m, indexed 6m",
			"late no hash, indexed -5m",
		},
		events: []string{"1 put ours late", "2 put ours a", "3 put ours b", "4 set ours a " + drained},
	}
}

func lateScenarios() (all []scenario) {
	for _, w := range writings {
		all = append(all, refused(w.name+" past its deadline does nothing", func(s *stage) {
			s.after = -time.Second
			s.unchanged(func() reply { return w.call(s) }).late()
		}))
	}
	return all
}

func wrongTypeScenarios() (all []scenario) {
	for _, w := range slices.Concat(writings, fastWritings) {
		all = append(all, refused(w.name+" on a key of another type writes nothing", func(s *stage) {
			for _, key := range w.keys(s) {
				s.misuse(key, func() {
					r := s.unchanged(func() reply { return w.call(s) })
					var wrong *WrongTypeError
					if !errors.As(r.Err, &wrong) || wrong.Key != key || r.Codes != nil || !near(r.Now) {
						s.Errorf("error %v, codes %v, now %v, want that %s is of another type", r.Err, r.Codes, r.Now, key)
					}
				})
			}
		}))
	}
	return all
}

// misuse puts a set in the place of a key while do runs.
func (s *stage) misuse(key string, do func()) {
	s.Helper()
	ctx, c, aside := s.Context(), s.admin(), key+":aside"
	was := c.Exists(ctx, key).Val() == 1
	if was {
		s.set(c.Rename(ctx, key, aside).Err())
	}
	s.set(c.SAdd(ctx, key, "foreign").Err())
	do()
	s.set(c.Del(ctx, key).Err())
	if was {
		s.set(c.Rename(ctx, aside, key).Err())
	}
}

// malformedScenarios are calls with one argument that is not what it should be.
// Those that the typed functions cannot make, are made by hand.
func malformedScenarios() (all []scenario) {
	// with returns a call to register the nodes a and bad, the latter changed.
	with := func(change func(*Registration)) func(*stage) reply {
		return func(s *stage) reply {
			bad := node("bad", ours, 1)
			change(&bad)
			return s.register(node("a", ours, 2), bad)
		}
	}
	// raw returns a call by hand, on the node a.
	raw := func(sc *script, args ...any) func(*stage) reply {
		return func(s *stage) reply {
			deadline := time.Now().Add(s.after).UnixMicro()
			return s.raw(sc, history(s, s.svc.Node("a")), append([]any{deadline, s.svc.Events(0)}, args...)...)
		}
	}
	rawOverride := func(id string, until int64) func(*stage) reply {
		return func(s *stage) reply {
			deadline := time.Now().Add(s.after).UnixMicro()
			return s.raw(override, history(s, s.svc.Override(), s.svc.Node("b")),
				deadline, s.svc.Events(0), "a1", id, until, 0, "", "status", drained)
		}
	}
	rename := func(token string) func(*Registration) { return func(n *Registration) { n.Token = token } }
	for _, m := range []struct {
		what string
		arg  int
		call func(*stage) reply
	}{
		{"register: no id", 9, with(func(n *Registration) { n.ID = "" })},
		{"register: no lease", 10, with(rename(""))},
		{"register: a lease without a nonce", 10, with(rename("1000"))},
		{"register: a lease with an empty nonce", 10, with(rename("1000-"))},
		{"register: a lease without a start", 10, with(rename("-00000000000a"))},
		{"register: a lease with a negative start", 10, with(rename("-1-00000000000a"))},
		{"register: a lease with upper-case hex", 10, with(rename("1000-00000000000A"))},
		{"register: a lease with more behind it", 10, with(rename("1000-00000000000a x"))},
		{"register: a lease with a line behind it", 10, with(rename("1000-00000000000a\n"))},
		{"register: a negative TTL", 10, with(func(n *Registration) { n.TTL = -time.Second })},
		{"register: no TTL", 10, with(func(n *Registration) { n.TTL = 0 })},
		{"register: a TTL under a millisecond", 10, with(func(n *Registration) { n.TTL = time.Microsecond })},
		{"register: a seq that Lua would round", 10, with(func(n *Registration) { n.Seq = math.MaxUint64 })},
		{"register: a TTL that PEXPIRE would refuse", 6, raw(register, "a1", 0, "a", ours+" 2 9223372036854775807", "{}", "")},
		{"register: a TTL with more behind it", 6, raw(register, "a1", 0, "a", ours+" 2 600000 1", "{}", "")},
		{"register: a TTL with a space behind it", 6, raw(register, "a1", 0, "a", ours+" 2 600000 ", "{}", "")},
		{"register: no record", 11, with(func(n *Registration) { n.Data = nil })},
		{"register: an id that is not escaped", 5, raw(register, "a1", 0, "a b", ours+" 2 600000", "{}", "")},
		{"register: flags over 3", 4, raw(register, "a1", "4", "a", ours+" 2 600000", "{}", "")},
		{"register: exclusive is no number", 4, raw(register, "a1", "yes", "a", ours+" 2 600000", "{}", "")},
		{"register: a seq with a fraction", 6, raw(register, "a1", 0, "a", ours+" 2.5 600000", "{}", "")},
		{"register: a TTL in words", 6, raw(register, "a1", 0, "a", ours+" 2 10m", "{}", "")},
		{"register: a nonce that is not hex", 3, raw(register, "xyz", 0, "a", ours+" 2 600000", "{}", "")},
		{"register: an empty nonce", 3, raw(register, "", 0, "a", ours+" 2 600000", "{}", "")},
		{"register: no TTL behind the seq", 6, raw(register, "a1", 0, "a", ours+" 2", "{}", "")},
		{"register: arguments missing", 7, raw(register, "a1", 0, "a", ours+" 2 600000")},
		{"renew: no id", 5, func(s *stage) reply { return s.renew(at("a", ours, 1), at("", ours, 1)) }},
		{"renew: a bad lease", 6, func(s *stage) reply { return s.renew(at("a", ours, 1), at("b", "ours", 1)) }},
		{"renew node: a bad lease", 2, func(s *stage) reply { return s.renewNode(at("a", "ours", 1)) }},
		{"deregister: no id", 8, func(s *stage) reply { return s.deregister(at("a", ours, 1), at("", ours, 1)) }},
		{"deregister: a bad lease", 9, func(s *stage) reply { return s.deregister(at("a", ours, 1), at("b", "", 1)) }},
		{"deregister: a nonce that is not hex", 3, raw(deregister, "A1", "self", "", "a", ours+" 1")},
		{"deregister: by neither self nor operator", 4, func(s *stage) reply { return s.end("", []Lease{at("a", ours, 1)}) }},
		{"renew: a seq with a fraction", 4, raw(renew, "a", ours+" 1.5")},
		{"renew: more behind the TTL", 4, raw(renew, "a", ours+" 1 600000 1")},
		{"deregister: a seq with a fraction", 7, raw(deregister, "a1", "self", "", "a", ours+" 2.5")},
		{"deregister: a negative seq", 7, raw(deregister, "a1", "self", "", "a", ours+" -1")},
		{"reap: no id", 5, func(s *stage) reply { return s.reap("late", "") }},
		{"reap: a nonce that is not hex", 3, raw(reap, "0x1", "late")},
		{"override: no id", 4, rawOverride("", 0)},
		{"override: an end that no reader takes", 5, rawOverride("b", 1<<53/1000+1)},
		{"deregister: a note that is too long", 5, raw(deregister, "a1", "self", strings.Repeat("n", 8193), "a", ours+" 1")},
		{"override: a note that is too long", 7, func(s *stage) reply {
			return s.operate(OverrideCall{ID: "a", Note: strings.Repeat("n", 8193), Aspects: []Aspect{status(drained)}})
		}},
		{"override: a nonce that is not hex", 3, func(s *stage) reply {
			t := s.target()
			t.Nonce = "not hex"
			return s.note("override", Override(s.Context(), s.client, OverrideCall{Target: t, ID: "a"}))
		}},
	} {
		all = append(all, refused("malformed, "+m.what, func(s *stage) {
			r := s.unchanged(func() reply { return m.call(s) })
			if r.Err == nil || !strings.HasSuffix(r.Err.Error(), fmt.Sprintf("argument ARGV[%d]", m.arg)) || r.Codes != nil {
				s.Errorf("error %v, codes %v, want a refusal of ARGV[%d]", r.Err, r.Codes, m.arg)
			}
		}))
	}
	for _, w := range writings {
		all = append(all, refused("malformed, "+w.name+": a deadline before 1970", func(s *stage) {
			s.after = -100 * 365 * 24 * time.Hour
			r := s.unchanged(func() reply { return w.call(s) })
			if r.Err == nil || !strings.HasSuffix(r.Err.Error(), "argument ARGV[1]") {
				s.Errorf("error %v, want a refusal of ARGV[1]", r.Err)
			}
		}))
	}
	return all
}
