package redistest

import (
	"context"
	"testing"

	"github.com/redis/go-redis/v9"
)

// Topology is one way to deploy Redis, as a client connects to it.
type Topology struct {
	Name       string   // embedded, standalone, sentinel or cluster
	Addrs      []string // of the server, of the sentinels, or of the cluster's nodes
	MasterName string   // for Sentinel, else ""
	Cluster    bool
}

// Each runs f as a subtest for every topology, on shared servers that are
// flushed after it.
func Each(t *testing.T, f func(t *testing.T, tp Topology)) {
	t.Run("embedded", func(t *testing.T) { f(t, embeddedTopology(SharedEmbedded(t).Addr())) })
	t.Run("standalone", func(t *testing.T) {
		f(t, Topology{Name: "standalone", Addrs: []string{SharedStandalone(t).Addr()}})
	})
	t.Run("sentinel", func(t *testing.T) {
		s := SharedSentinel(t)
		f(t, Topology{Name: "sentinel", Addrs: s.Addrs(), MasterName: s.MasterName()})
	})
	t.Run("cluster", func(t *testing.T) {
		f(t, Topology{Name: "cluster", Addrs: SharedCluster(t).Addrs(), Cluster: true})
	})
}

func embeddedTopology(addr string) Topology {
	return Topology{Name: "embedded", Addrs: []string{addr}}
}

// NewClient returns a client of the whole topology, with its options changed as asked
// for, closed at the end of the test.
func (tp Topology) NewClient(t testing.TB, change ...func(*redis.UniversalOptions)) redis.UniversalClient {
	t.Helper()
	o := clientOptions("")
	u := &redis.UniversalOptions{
		Addrs:                    tp.Addrs,
		MasterName:               tp.MasterName,
		IsClusterMode:            tp.Cluster,
		ContextTimeoutEnabled:    o.ContextTimeoutEnabled,
		DisableIdentity:          o.DisableIdentity,
		MaintNotificationsConfig: o.MaintNotificationsConfig,
	}
	for _, f := range change {
		f(u)
	}
	c := redis.NewUniversalClient(u)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// Flush removes every key of every database.
func (tp Topology) Flush(t testing.TB) {
	t.Helper()
	client := tp.NewClient(t)
	must(t, "flush "+tp.Name, func(ctx context.Context) error {
		if c, ok := client.(*redis.ClusterClient); ok {
			return c.ForEachMaster(ctx, func(ctx context.Context, m *redis.Client) error { return m.FlushAll(ctx).Err() })
		}
		return client.FlushAll(ctx).Err()
	})
}
