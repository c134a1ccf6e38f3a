package discovery_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// patience is how long a test waits for what must come, on the slowest machine.
const patience = 30 * time.Second

// open returns a registry on tp that shares its keys with the other registries of
// this test only, and is closed at its end.
func open(t *testing.T, tp redistest.Topology, opts ...registry.Option) *registry.Redis {
	t.Helper()
	prefix := strings.Map(func(r rune) rune {
		if strings.ContainsRune("/#{}=", r) {
			return '.'
		}
		return r
	}, t.Name())
	r := registry.NewRegistry(append([]registry.Option{
		registry.Addrs(tp.Addrs...), registry.MasterName(tp.MasterName), registry.Cluster(tp.Cluster),
		registry.Prefix(prefix), registry.Timeout(patience), registry.TTL(10 * time.Second), registry.Interval(500 * time.Millisecond),
	}, opts...)...)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := r.Close(ctx); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return r
}

// register is a Register that must succeed.
func register(t *testing.T, r *registry.Redis, s *registry.Service, opts ...registry.RegisterOption) {
	t.Helper()
	if err := r.Register(t.Context(), s, opts...); err != nil {
		t.Fatal(err)
	}
}

// until waits for a view of the shop that is right.
func until(t *testing.T, r *discovery.Resolver, right func(*discovery.View) bool) *discovery.View {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var last *discovery.View
	for v := range r.Changes(ctx, "shop") {
		if last = v; right(v) {
			return v
		}
	}
	if last == nil {
		t.Fatalf("no view within %v", patience)
	}
	t.Fatalf("not within %v; the last view has %s, guarded %v, stale since %v", patience, ids(last.Nodes()), last.Guarded(), last.StaleSince())
	return nil
}

// A network is that of one client, which can be cut: connections break without
// notice, and no new one is made.
type network struct {
	mu    sync.Mutex
	dial  func(ctx context.Context, network, addr string) (net.Conn, error)
	down  bool
	conns []net.Conn
}

func (l *network) connect(ctx context.Context, network, addr string) (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down {
		return nil, &net.OpError{Op: "dial", Net: network, Err: errors.New("the network is down")}
	}
	c, err := l.dial(ctx, network, addr)
	if err == nil {
		l.conns = append(l.conns, c)
	}
	return c, err
}

func (l *network) set(down bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = down
	if down {
		for _, c := range l.conns {
			_ = c.Close()
		}
		l.conns = nil
	}
}

// linked makes a client of a topology that can be cut off.
func linked(t *testing.T, tp redistest.Topology) (redis.UniversalClient, *network) {
	t.Helper()
	l := &network{dial: (&net.Dialer{}).DialContext}
	c := redis.NewUniversalClient(&redis.UniversalOptions{
		Addrs: tp.Addrs, MasterName: tp.MasterName, IsClusterMode: tp.Cluster, Dialer: l.connect,
		ContextTimeoutEnabled: true, DisableIdentity: true, DialerRetries: 1,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
	t.Cleanup(func() { _ = c.Close() })
	return c, l
}
