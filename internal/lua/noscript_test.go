package lua

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-go/rollcall/internal/redistest"
)

// TestNoScript sends many calls in one run to servers that know all, some or
// none of the scripts: each call is done, once.
func TestNoScript(t *testing.T) {
	// The scripts that the servers know, by loading or by an earlier call.
	for name, known := range map[string][]*script{
		"none": nil,
		"some": {register, reap},
		"one":  {renewNode},
		"all":  {register, renew, renewNode, deregister, reap, override},
	} {
		t.Run(name, func(t *testing.T) {
			for _, srv := range []*server{fake(t), standalone(t), cluster(t)} {
				t.Run(srv.name, func(t *testing.T) {
					for _, m := range srv.masters(t) {
						if err := m.ScriptFlush(t.Context()).Err(); err != nil {
							t.Fatal(err)
						}
						for _, sc := range known {
							if err := m.ScriptLoad(t.Context(), sc.source).Err(); err != nil {
								t.Fatal(err)
							}
						}
					}
					manyCalls(t, srv)
				})
			}
		})
	}
}

// TestNoScriptAfterRestart restarts servers, which keep their data and forget
// their scripts.
func TestNoScriptAfterRestart(t *testing.T) {
	t.Run("standalone", func(t *testing.T) {
		srv := standalone(t)
		manyCalls(t, srv)
		redistest.SharedStandalone(t).Restart(true)
		manyCalls(t, srv)
	})
	t.Run("cluster", func(t *testing.T) {
		srv, c := cluster(t), redistest.SharedCluster(t)
		manyCalls(t, srv)
		for _, m := range c.Masters() {
			m.Restart(true)
		}
		c.WaitHealthy()
		manyCalls(t, srv)
	})
}

// manyCalls sends a call of every script to each of three services, all in one
// run. The calls of a service are on nodes of their own, since those that the
// server does not know come after the others.
func manyCalls(t *testing.T, srv *server) {
	t.Helper()
	var stages []*stage
	var calls []call
	for _, name := range []string{"one", "two", "three"} {
		s := newStage(t, srv, t.Name()+name)
		s.register(node("a", ours, 1), node("b", ours, 1), node("c", ours, 1), node("d", ours, 1)).is(Done, Done, Done, Done)
		s.evict(s.svc.Node("d"))
		s.indexed("d", -time.Minute)
		s.frozen = true
		stages = append(stages, s)
		for _, sc := range []*script{register, renew, renewNode, deregister, reap, override} {
			calls = append(calls, s.anyCall(sc))
		}
	}
	for i, r := range run(t.Context(), srv.client, calls) {
		stages[i/6].note("one of many", []Result{r}).is(Done)
	}
	for _, s := range stages {
		var got []string
		events := s.events()
		for _, e := range events {
			got = append(got, fmt.Sprint(e.kind, " ", e.id))
		}
		slices.Sort(got[4:])
		want := []string{"put a", "put b", "put c", "put d", "del c", "exp d", "put new", "set a"}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("events (-want +got):\n%s", d)
		}
		s.checkAgreement(events, s.dump())
	}
}

// anyCall is a call of a script that succeeds on a stage of manyCalls.
func (s *stage) anyCall(sc *script) call {
	target := s.target()
	keys, args := target.changing()
	deadline := args[:1]
	switch sc {
	case register:
		return call{sc, append(keys, s.svc.Node("new")), append(args, 0, "new", ours+" 1 600000", "{}", ""), 1}
	case renew:
		return call{sc, append(keys, s.svc.Node("a")), append(deadline, 600000, "a", ours+" 1 600000 "), 1}
	case renewNode:
		return call{sc, []string{s.svc.Node("b")}, append(deadline, ours+" 1"), 1}
	case deregister:
		return call{sc, append(keys, s.svc.Node("c")), append(args, "self", "", "c", ours+" 1"), 1}
	case reap:
		return call{sc, append(keys, s.svc.Node("d")), append(args, "d"), 1}
	default:
		return call{sc, append(keys, s.svc.Override(), s.svc.Node("a")), append(args, "a", 0, 0, "", "status", "{}"), 1}
	}
}
