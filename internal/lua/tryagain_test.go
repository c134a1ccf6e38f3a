package lua

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-go/rollcall/internal/redistest"
)

// TestTryAgain moves a part of a service's keys to another server, as a slot's
// migration does. Whatever part it is: a renewal of many nodes works or is known
// as one to be made again, those of other services in its pipeline work, and a
// renewal node by node works.
func TestTryAgain(t *testing.T) {
	c, srv := redistest.SharedCluster(t), cluster(t)
	for _, tc := range []struct {
		part  string
		moved func(*stage) []string
		split bool // Renew finds its keys on two servers
	}{
		{"nothing", func(*stage) []string { return nil }, false},
		{"one node", func(s *stage) []string { return []string{s.svc.Node("a")} }, true},
		{"all nodes", func(s *stage) []string { return []string{s.svc.Node("a"), s.svc.Node("b")} }, true},
		{"the index", func(s *stage) []string { return []string{s.svc.Index()} }, true},
		{"all", (*stage).names, false},
	} {
		t.Run(tc.part, func(t *testing.T) {
			s, other := newStage(t, srv, t.Name()), newStage(t, srv, "other than "+t.Name())
			s.register(node("a", ours, 1), node("b", ours, 1)).is(Done, Done)
			other.register(node("a", ours, 1)).is(Done)
			s.age(4 * time.Minute)

			moving := c.Migrate(s.svc.Index())
			moving.Move(tc.moved(s)...)
			both := []Lease{at("a", ours, 1), at("b", ours, 1)}
			elsewhere := RenewCall{other.target(), []Lease{at("a", ours, 1)}}
			for i, r := range Renew(t.Context(), srv.client, elsewhere, RenewCall{s.target(), both}, elsewhere) {
				if split := tc.split && i == 1; IsTryAgain(r.Err) != split || (r.Err != nil) != split {
					t.Errorf("renewal %d: error %v, want one to try again: %t", i, r.Err, split)
				}
			}
			renewed := RenewNodes(t.Context(), srv.client, RenewCall{s.target(), append(both, at("x", ours, 1))})
			for i, want := range []Code{Done, Done, None} {
				s.note("renew node", renewed[i:i+1]).is(want)
			}
			moving.Undo()

			// The index stays behind where the nodes were renewed one by one.
			left := "10m"
			if tc.split {
				left = "6m"
			}
			want := []string{"a live ours/1 rev 1 10m, indexed " + left, "b live ours/1 rev 2 10m, indexed " + left}
			if d := cmp.Diff(want, s.nodes(s.dump())); d != "" {
				t.Errorf("nodes (-want +got):\n%s", d)
			}
		})
	}
}

// TestSlotMoved lets a migration end: the history goes on at the slot's new
// owner, which has never seen the scripts.
func TestSlotMoved(t *testing.T) {
	c, srv, fresh := redistest.SharedCluster(t), cluster(t), cluster(t)
	s := newStage(t, srv, t.Name())
	s.register(node("a", ours, 1), node("b", ours, 1)).is(Done, Done)
	moving := c.Migrate(s.svc.Index())
	if err := moving.To.Client().ScriptFlush(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	moving.Finish()
	s.renew(at("a", ours, 1), at("b", ours, 1)).is(Done, Done)
	s.register(node("c", ours, 1)).is(Done)
	s.deregister(at("b", ours, 1)).is(Done)
	s.server = fresh // which looks for the slot only now
	s.settle(
		[]string{
			"a live ours/1 rev 1 10m, indexed 10m", "b gone self ours/1 1m, not indexed",
			"c live ours/1 rev 3 10m, indexed 10m",
		},
		[]string{"1 put ours a", "2 put ours b", "3 put ours c", "4 del ours b"},
	)
}

func TestIsTryAgain(t *testing.T) {
	for _, err := range []error{nil, errors.New("ERR TRYAGAIN"), ErrLate} {
		if IsTryAgain(err) {
			t.Errorf("IsTryAgain(%v) = true", err)
		}
	}
}
