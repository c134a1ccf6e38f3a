package lua

import (
	"context"
	"slices"
	"testing"
	"time"
)

// TestExpiry lets leases run out by Redis's own clock: the node is reaped once
// and renewed no more.
func TestExpiry(t *testing.T) {
	for _, srv := range []*server{fake(t), standalone(t), cluster(t)} {
		t.Run(srv.name, func(t *testing.T) {
			s := newStage(t, srv, t.Name())
			a, b := node("a", ours, 1), node("b", ours, 1)
			a.TTL, b.TTL = 200*time.Millisecond, 200*time.Millisecond
			s.register(a, b).is(Done, Done)

			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			poll := time.NewTicker(10 * time.Millisecond)
			defer poll.Stop()
			for !slices.Equal(s.reap("a").Codes, []Code{Done}) {
				select {
				case <-poll.C:
				case <-ctx.Done():
					t.Fatal("node a was not reaped within 10 s")
				}
			}
			s.reap("a").is(None)
			s.unchanged(renewing(s, at("a", ours, 1), at("b", ours, 1))).is(None, None)
			s.settle([]string{"b no hash, indexed 0m"}, []string{"1 put ours a", "2 put ours b", "3 exp - a"})
		})
	}
}
