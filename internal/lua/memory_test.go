package lua

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-go/rollcall/internal/redistest"
)

// TestOutOfMemory fills a server that evicts nothing. Redis refuses a script
// only at a first write that needs memory: each call does all or nothing, and
// no lease is lost because a renewal was refused.
func TestOutOfMemory(t *testing.T) {
	srv, c := redistest.SharedStandalone(t), standalone(t)
	for _, w := range writings {
		t.Run(w.name, func(t *testing.T) {
			refused("", func(s *stage) {
				before := s.dump()
				srv.SetConfig("maxmemory", "1")
				r := w.call(s)
				srv.SetConfig("maxmemory", "0")
				after, events := s.dump(), s.events()
				s.checkAgreement(events, after)
				if w.name != "override" {
					r.is(r.Codes...)
					return
				}
				if r.Err == nil || !strings.HasPrefix(r.Err.Error(), "OOM") || len(events) != 4 {
					t.Errorf("error %v and %d events, want OOM and the 4 before", r.Err, len(events))
				}
				if d := cmp.Diff(before, after); d != "" {
					t.Errorf("the refused call wrote (-before +after):\n%s", d)
				}
			}).play(newStage(t, c, t.Name()))
		})
	}
}
