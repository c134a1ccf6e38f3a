package lua

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-go/rollcall/internal/redistest"
)

// TestOutOfMemory fills a server that evicts nothing. Redis refuses a script
// only at its first write, and not if that frees memory: so each call does all
// or nothing.
func TestOutOfMemory(t *testing.T) {
	srv, c := redistest.SharedStandalone(t), standalone(t)
	for _, w := range writings {
		t.Run(w.name, func(t *testing.T) {
			s := newStage(t, c, t.Name())
			refused("", func(s *stage) {
				before := s.dump()
				srv.SetConfig("maxmemory", "1")
				r := w.call(s)
				srv.SetConfig("maxmemory", "0")
				events, all := s.events(), s.dump()
				if r.Err != nil {
					if !strings.HasPrefix(r.Err.Error(), "OOM") {
						t.Errorf("error %v, want OOM", r.Err)
					}
					if d := cmp.Diff(before, all); d != "" {
						t.Errorf("a refused call wrote (-before +after):\n%s", d)
					}
				}
				s.checkStory(events, all)
				if n := len(events); (n == 4) != (r.Err != nil || strings.HasPrefix(w.name, "renew")) {
					t.Errorf("%d events, error %v", n, r.Err)
				}
				t.Log(r.Codes, r.Err)
			}).play(s)
		})
	}
}
