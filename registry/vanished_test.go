package registry

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/redistest"
)

// Only a node that the index still lists, with a lease that has ended, and that has no
// hash is gone. A flush takes index and hashes at once, and the nodes live.
func TestVanished(t *testing.T) {
	redistest.Each(t, func(t *testing.T, tp redistest.Topology) {
		opts, err := resolve([]Option{Addrs(tp.Addrs...), MasterName(tp.MasterName), Cluster(tp.Cluster), Prefix("vanished")})
		if err != nil {
			t.Fatal(err)
		}
		c, err := connect(opts)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		ctx, k := t.Context(), c.Space.Service("default", "shop")
		past, future := float64(time.Now().Add(-time.Minute).UnixMilli()), float64(time.Now().Add(time.Minute).UnixMilli())
		write := []redis.Cmder{
			c.ZAdd(ctx, k.Index(), redis.Z{Score: past, Member: "gone"}, redis.Z{Score: future, Member: "renewed"}, redis.Z{Score: past, Member: "alive"}, redis.Z{Score: past, Member: "left"}, redis.Z{Score: past, Member: "a%2Fb"}),
			c.HSet(ctx, k.Node("alive"), "ttl", "1000"),
			c.HSet(ctx, k.Node("left"), "gone", "self"), // a tombstone
		}
		for _, cmd := range write {
			if cmd.Err() != nil {
				t.Fatal(cmd.Err())
			}
		}
		gone, master, err := c.vanished(ctx, k, []string{"gone", "flushed", "renewed", "alive", "left", "a/b"})
		if err != nil || master == "" {
			t.Fatalf("master %q, error %v", master, err)
		}
		if d := cmp.Diff([]string{"gone", "left", "a/b"}, gone); d != "" {
			t.Errorf("gone (-want +got):\n%s", d)
		}
	})
}
