package registrar

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-go/rollcall/internal/lua"
)

// Only renewals share a round that comes sooner. A retry waits for at least half of its
// backoff; a deregistration that has a time, and the loss of a node, wait for that time: rounds
// before would follow each other without a pause, and do nothing.
func TestWhatIsNotToBeSooner(t *testing.T) {
	const from = 100 * time.Millisecond // less than the slack
	for name, tc := range map[string]struct {
		prepare     func(*batch, *node, time.Time)
		err         error
		least, most time.Duration // until it is due
	}{
		"a renewal":        {func(*batch, *node, time.Time) {}, nil, 4250 * time.Millisecond, 5 * time.Second},
		"a retry":          {func(*batch, *node, time.Time) {}, errors.New("refused"), 50 * time.Millisecond, 300 * time.Millisecond},
		"a loss":           {func(_ *batch, n *node, now time.Time) { n.leaseUntil = now.Add(from) }, errors.New("refused"), 50 * time.Millisecond, from},
		"a deregistration": {func(b *batch, _ *node, now time.Time) { b.pending[0].from = now.Add(from) }, nil, from, from},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, now := newLogged(), time.Now()
				n := r.node("a")
				n.interval, n.leaseUntil = 5*time.Second, now.Add(time.Hour)
				r.join(n, now)
				b := n.batch
				for range 50 {
					b.pending = []pendingDeregister{{lease: lua.Lease{ID: "b"}, until: now.Add(time.Hour)}}
					tc.prepare(b, n, now)
					if due, _ := r.renewer.due(t.Context(), now.Add(time.Hour)); len(due) != 1 {
						t.Fatalf("%d batches are due, want 1", len(due))
					}
					b.backoff.Reset()
					r.renewer.reschedule([]*task{{batch: b, err: tc.err}}, now)
					if due, next := r.renewer.due(t.Context(), now.Add(tc.least-1)); len(due) > 0 || next.After(now.Add(tc.most)) {
						t.Fatalf("%d batches are due before %v, the next one in %v; want none, and one within %v", len(due), tc.least, next.Sub(now), tc.most)
					}
					if due, _ := r.renewer.due(t.Context(), now.Add(tc.most)); len(due) != 1 {
						t.Fatalf("%d batches are due in %v, want 1", len(due), tc.most)
					}
					r.join(n, now)
				}
			})
		})
	}
}
