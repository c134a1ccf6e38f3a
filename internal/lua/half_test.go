package lua

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-go/rollcall/internal/redistest"
)

// writes are the rights of commands that come after the checks of a script.
var writes = []string{"del", "hset", "hdel", "pexpire", "persist", "zadd", "zrem", "set", "lpush", "ltrim", "pttl", "zrange"}

// TestOneRightIsMissing takes away one right at a time, and looks at what a script has written
// that was refused. From Redis 7 on it is nothing, but for the fast ways, which do not ask for
// each right, and the renewals, which change no more than when a lease ends.
func TestOneRightIsMissing(t *testing.T) {
	tells := redistest.SharedStandalone(t).CanReadOnly() // as of Redis 7
	refusals := 0
	for _, w := range slices.Concat(writings, fastWritings) {
		for _, right := range writes {
			restricted(t, slices.Concat(allowed, []string{"-" + right}), func(s *stage) {
				before := s.dump()
				r := w.call(s)
				if r.Err == nil {
					return
				}
				refusals++
				after := s.dump()
				if !IsPermission(r.Err) {
					t.Errorf("%s without %s: error %v, want a permission", w.name, right, r.Err)
				}
				fast := strings.HasPrefix(w.name, "register of") || strings.HasPrefix(w.name, "renew")
				if d := cmp.Diff(before, after); tells && !fast && d != "" {
					t.Errorf("%s without %s wrote (-before +after):\n%s", w.name, right, d)
				}
				if fast {
					half(t, s, tells, w.name+" without "+right, before, after)
				}
			})
		}
	}
	if refusals < 40 {
		t.Errorf("%d calls were refused: were the rights taken away?", refusals)
	}
}

// half checks what a refused call may leave: no node that lives has gone, none stays for ever
// without being listed, where reap finds it, and the version says that a record has changed, so
// that the next poll of a reader finds it. Before Redis 7, a change without HSET loses its node.
func half(t *testing.T, s *stage, tells bool, what string, before, after map[string]entry) {
	t.Helper()
	for _, id := range []string{"a", "b"} {
		if after[s.svc.Node(id)].Fields["data"] == "" && (tells || !strings.HasSuffix(what, "hset")) {
			t.Errorf("%s: the node %s is gone", what, id)
		}
	}
	changed := false
	for _, id := range []string{"a", "b", "new", "late"} {
		n := after[s.svc.Node(id)]
		changed = changed || n.Fields["data"] != before[s.svc.Node(id)].Fields["data"]
		if _, listed := after[s.svc.Index()].Scores[id]; n.Expires == "never" && !listed {
			t.Errorf("%s: the node %s stays for ever, and the index does not list it", what, id)
		}
	}
	if changed && tells {
		t.Errorf("%s: a record has changed, and the call was refused", what)
	}
	if changed && cmp.Equal(before[s.svc.Version()].Items, after[s.svc.Version()].Items) {
		t.Errorf("%s: a record has changed, and the version has not", what)
	}
}
