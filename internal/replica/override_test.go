package replica

import (
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/record"
)

// An answer that an event or another answer has overtaken brings no ended override back. A
// clock that was set back does.
func TestReplicaOverrideEndsOnce(t *testing.T) {
	end := time.Unix(100, 0)
	bound := Member{ID: "a", Lease: leaseOf(5), Rev: 9, Data: dataOf("a", 1), Override: `status 100000 1 - {"value":"draining"}`}
	f := New()
	status := func(what, want string) {
		t.Helper()
		if got := f.Nodes()[0].Record.Status; got != want {
			t.Errorf("%s: status %q, want %q", what, got, want)
		}
	}
	read := func(now time.Time) {
		f.Begin()
		s := snap(9, nil, bound)
		s.Now = now
		same(t, "the snapshot", f.Snapshot(s), Settled)
	}
	read(end.Add(-time.Second))
	status("before its end", record.StatusDraining)
	f.Tick(end)
	status("at its end", record.StatusUp)
	f.Tick(end.Add(-time.Millisecond))
	status("after a poll that was overtaken", record.StatusUp)
	read(end.Add(-20 * time.Millisecond))
	status("after a snapshot that was overtaken", record.StatusUp)
	f.Tick(end.Add(-time.Minute))
	status("after the clock was set back", record.StatusDraining)
}
