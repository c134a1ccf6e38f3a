package informer

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/redistest"
)

// A node is gone only if the index still lists it, with a lease that has ended, and it
// has no hash. A flush removes index and hashes at once, and the nodes live.
func TestReadMissingHashes(t *testing.T) {
	redistest.Each(t, func(t *testing.T, tp redistest.Topology) {
		c := open(t, tp)
		ctx, s := t.Context(), c.Space.Service("default", "missing-hashes")
		past, future := float64(time.Now().Add(-time.Minute).UnixMilli()), float64(time.Now().Add(time.Minute).UnixMilli())
		write := []redis.Cmder{
			c.ZAdd(ctx, s.Index(), redis.Z{Score: past, Member: "gone"}, redis.Z{Score: future, Member: "renewed"}, redis.Z{Score: past, Member: "alive"}, redis.Z{Score: past, Member: "left"}, redis.Z{Score: past, Member: "a%2Fb"}),
			c.HSet(ctx, s.Node("alive"), "lease", "1700000000000000-0123456789ab 1 1000 1"),
			c.HSet(ctx, s.Node("left"), "lease", "1700000000000000-0123456789ab 1 self"), // a tombstone
		}
		for _, cmd := range write {
			if cmd.Err() != nil {
				t.Fatal(cmd.Err())
			}
		}
		missing, master, err := readMissingHashes(ctx, c, s, []string{"gone", "flushed", "renewed", "alive", "left", "a/b"})
		if err != nil || master == "" {
			t.Fatalf("master %q, error %v", master, err)
		}
		if d := cmp.Diff([]string{"gone", "left", "a/b"}, missing); d != "" {
			t.Errorf("missing (-want +got):\n%s", d)
		}
	})
}
