package redistest_test

import (
	"testing"

	"github.com/rollcall-go/rollcall/internal/redistest"
)

func TestSentinelFailover(t *testing.T) {
	for _, way := range []struct {
		name string
		fail func(s *redistest.Sentinel, old *redistest.Server)
		mend func(old *redistest.Server)
	}{
		{
			"by command",
			func(s *redistest.Sentinel, _ *redistest.Server) { s.Failover() },
			func(*redistest.Server) {},
		},
		{
			"killed",
			func(_ *redistest.Sentinel, old *redistest.Server) { old.Kill() },
			func(old *redistest.Server) { old.Restart(false) },
		},
	} {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel() // each mostly waits
			s := redistest.StartSentinel(t)
			if len(s.Addrs()) != 3 || len(s.Sentinels()) != 3 || len(s.Replicas()) != 2 {
				t.Fatalf("%d sentinels, %d replicas", len(s.Addrs()), len(s.Replicas()))
			}
			old := s.Master()
			way.fail(s, old)
			s.WaitFailover(old)
			master := s.Master()
			if master == old {
				t.Fatal("the master is the old one")
			}
			if err := master.Client().Set(t.Context(), "k", "v", 0).Err(); err != nil {
				t.Errorf("write to the new master: %v", err)
			}
			way.mend(old)
			s.WaitHealthy()
			if got, err := old.Client().Get(t.Context(), "k").Result(); got != "v" || err != nil {
				t.Errorf("the old master, now a replica, has %q, %v", got, err)
			}
		})
	}
}
