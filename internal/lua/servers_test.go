package lua

import (
	"context"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/redistest"
)

func TestMain(m *testing.M) { redistest.Main(m) }

// A server is what scripts run on, real or fake, one process or many.
type server struct {
	name   string
	client redis.UniversalClient
}

func connect(t testing.TB, tp redistest.Topology) *server {
	return &server{name: tp.Name, client: tp.NewClient(t)}
}

func fake(t testing.TB) *server {
	return connect(t, redistest.Topology{Name: "embedded", Addrs: []string{redistest.SharedEmbedded(t).Addr()}})
}

func standalone(t testing.TB) *server {
	return connect(t, redistest.Topology{Name: "standalone", Addrs: []string{redistest.SharedStandalone(t).Addr()}})
}

func cluster(t testing.TB) *server {
	return connect(t, redistest.Topology{Name: "cluster", Addrs: redistest.SharedCluster(t).Addrs(), Cluster: true})
}

// master is the client of the one process that holds key.
func (s *server) master(ctx context.Context, key string) (*redis.Client, error) {
	if c, ok := s.client.(*redis.ClusterClient); ok {
		return c.MasterForKey(ctx, key)
	}
	return s.client.(*redis.Client), nil
}

// masters are the clients of all processes that hold keys.
func (s *server) masters(t testing.TB) []*redis.Client {
	t.Helper()
	c, ok := s.client.(*redis.ClusterClient)
	if !ok {
		return []*redis.Client{s.client.(*redis.Client)}
	}
	var mu sync.Mutex
	var all []*redis.Client
	err := c.ForEachMaster(t.Context(), func(_ context.Context, m *redis.Client) error {
		mu.Lock()
		defer mu.Unlock()
		all = append(all, m)
		return nil
	})
	if err != nil {
		t.Fatalf("list the masters: %v", err)
	}
	return all
}
