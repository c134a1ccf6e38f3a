package lua

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// tokens are the leases that a plan's calls carry, oldest first.
var tokens = []string{token(9, 1), token(9, 2), token(10, 0), token(100, 3), ahead}

// A step is one call, or one thing that befalls the service.
type step struct {
	Do      string
	Touches []touch
	Late    bool // past its deadline
	Back    int  // for again: how many steps ago the call was made first
	Minutes int  // for age
}

// A touch is one node of a call.
type touch struct {
	ID    string
	Lease int // of tokens
	Seq   uint64
	Other bool // another record than the usual one
	Own   bool // who holds the node calls: lease, seq and record are as they are
}

func (t touch) data() string {
	if t.Other {
		return "{}"
	}
	return usual(t.ID)
}

// did are the steps that there are, as often as they shall occur.
var did = slices.Concat(
	slices.Repeat([]string{"register", "again"}, 6),
	slices.Repeat([]string{"exclusive", "guess", "renew", "reap", "age", "lag"}, 4),
	slices.Repeat([]string{"renew node", "deregister", "override", "undo override"}, 2),
	[]string{"remove", "remove", "undo", "lose index", "lose version", "lose log", "lose hash", "lose expiry", "lose all"},
)

var plans = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) step {
	ids := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b"}), 1, 2, rapid.ID).Draw(t, "ids")
	s := step{
		Do:      rapid.SampledFrom(did).Draw(t, "do"),
		Late:    rapid.IntRange(0, 19).Draw(t, "late") == 19,
		Back:    rapid.IntRange(1, 10).Draw(t, "back"),
		Minutes: rapid.SampledFrom([]int{1, 4, 11, 11}).Draw(t, "minutes"),
	}
	for _, id := range ids {
		s.Touches = append(s.Touches, touch{
			ID: id, Lease: rapid.IntRange(0, len(tokens)-1).Draw(t, "lease"),
			Seq: rapid.Uint64Range(1, 2).Draw(t, "seq"), Other: rapid.IntRange(0, 3).Draw(t, "other") == 3,
			Own: rapid.Bool().Draw(t, "own"),
		})
	}
	return s
}), 30, 80)

// TestRules plays random plans, with calls of several leases and late copies of
// them, on Redis and on a model, and wants them to agree after each step.
func TestRules(t *testing.T) {
	fake, standalone, cluster := fake(t), standalone(t), cluster(t)
	seen := map[string]int{}
	t.Run(fake.name, func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) { follow(t, fake, plans.Draw(t, "plan"), seen) })
	})
	for _, srv := range []*server{standalone, cluster} {
		t.Run(srv.name, func(t *testing.T) {
			for seed := range 20 {
				t.Run(fmt.Sprint(seed), func(t *testing.T) { follow(t, srv, plans.Example(seed), seen) })
			}
		})
	}
	// Plans in which little happens would show little.
	for _, code := range []string{
		"register 1", "register 2", "register 3", "register 0", "register -1", "register -2", "register -3",
		"exclusive 1", "exclusive -4", "guess 1", "guess 2", "guess -1", "renew 1", "renew 0", "renew 3", "renew -1", "renew -2", "renew -3",
		"renew node 1", "deregister 1", "deregister 0", "deregister -1", "remove 1", "undo 1", "undo 0",
		"reap 1", "reap 2", "reap 0", "override 1", "override 2", "override 0",
	} {
		if seen[code] == 0 {
			t.Errorf("no call with the outcome %s in %v", code, seen)
		}
	}
}

// follow plays a plan and counts the outcomes of its calls in seen.
func follow(t tb, srv *server, plan []step, seen map[string]int) {
	s, w := newStage(t, srv, "rules"), newWorld()
	s.frozen = true
	var made []step
	for i, st := range plan {
		s.nonce = i + 1
		if st.Do == "again" && st.Back <= i {
			st, s.nonce = made[i-st.Back], i-st.Back+1
		}
		st = w.resolve(st)
		made = append(made, st)
		s.after = time.Minute
		if st.Late {
			s.after = -time.Second
		}
		for _, code := range s.step(w, st) {
			seen[fmt.Sprint(st.Do, " ", code)]++
		}
		all := s.dump()
		if d := cmp.Diff(w.lines(), s.nodes(all), cmpopts.EquateEmpty()); d != "" {
			s.Fatalf("nodes after step %d, %+v (-model +%s):\n%s", i, st, srv.name, d)
		}
		if err := s.checkExpiry(all); err != nil {
			s.Fatalf("after step %d, %+v: %v", i, st, err)
		}
	}
	s.settle(w.lines(), w.events)
}

// resolve puts into a step what its calls by holders say.
func (w *world) resolve(st step) step {
	st.Touches = slices.Clone(st.Touches)
	for i, t := range st.Touches {
		st.Touches[i].Own = false // a copy of the call says the same
		if n := w.node(t.ID); t.Own && n.hash {
			st.Touches[i] = touch{ID: t.ID, Lease: n.lease, Seq: n.seq, Other: n.data == "{}"}
		}
	}
	return st
}

// step does one step on the stage and on the model, and returns the codes.
func (s *stage) step(w *world, st step) []Code {
	var nodes []Registration
	var leases []Lease
	var ids []string
	for _, t := range st.Touches {
		n := node(t.ID, tokens[t.Lease], t.Seq)
		n.Data = []byte(t.data())
		nodes, leases, ids = append(nodes, n), append(leases, n.Lease), append(ids, t.ID)
	}
	var r reply
	var model func() []Code
	switch st.Do {
	case "register":
		r, model = s.register(nodes...), func() []Code { return w.register(st.Touches, false, false) }
	case "exclusive":
		r, model = s.exclusive(nodes...), func() []Code { return w.register(st.Touches, true, false) }
	case "guess":
		r, model = s.guess(nodes...), func() []Code { return w.register(st.Touches, false, true) }
	case "renew":
		r, model = s.renew(leases...), func() []Code { return w.renew(st.Touches, false) }
	case "renew node":
		r, model = s.renewNode(leases[0]), func() []Code { return w.renew(st.Touches[:1], true) }
	case "deregister":
		r, model = s.deregister(leases...), func() []Code { return w.deregister(st.Touches, Self) }
	case "remove":
		r, model = s.remove(leases...), func() []Code { return w.deregister(st.Touches, Operator) }
	case "undo":
		r, model = s.undo(leases...), func() []Code { return w.deregister(st.Touches, Undo) }
	case "reap":
		r, model = s.reap(ids...), func() []Code { return w.reap(st.Touches) }
	case "override":
		r, model = s.override(ids[0], drained), func() []Code { return []Code{w.override(ids[0], drained)} }
	case "undo override":
		r, model = s.override(ids[0], ""), func() []Code { return []Code{w.override(ids[0], "")} }
	default:
		s.befall(w, st, ids[0])
		return nil
	}
	if st.Late {
		r.late()
		return nil
	}
	return r.is(model()...).Codes
}

// befall does to the service what no script does.
func (s *stage) befall(w *world, st step, id string) {
	n := w.node(id)
	switch st.Do {
	case "age":
		s.age(time.Duration(st.Minutes) * time.Minute)
		w.age(st.Minutes)
	case "lag":
		if n.indexed {
			s.indexed(id, -time.Minute)
			n.end = -1
		}
	case "lose index":
		s.evict(s.svc.Index())
		for _, n := range w.nodes {
			n.indexed = false
		}
	case "lose version":
		s.evict(s.svc.Version())
		w.rev = 0
	case "lose log":
		s.evict(s.svc.Log())
	case "lose hash":
		s.evict(s.svc.Node(id))
		n.hash = false
	case "lose expiry":
		s.set(s.admin().Persist(s.Context(), s.svc.Node(id)).Err())
		n.forever = n.hash
	case "lose all":
		s.clear()
		*w = world{nodes: map[string]*mnode{}, overrides: map[string]string{}, events: w.events}
	}
}
