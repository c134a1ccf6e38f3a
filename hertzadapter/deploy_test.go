package hertzadapter

import (
	"errors"
	"testing"
	"time"

	"github.com/cloudwego/hertz/pkg/app/client"
	"github.com/cloudwego/hertz/pkg/app/client/loadbalance"
	"github.com/cloudwego/hertz/pkg/app/middlewares/client/sd"
	"github.com/cloudwego/hertz/pkg/protocol/consts"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// Six servers are replaced one after the other, under load, and no request fails: with
// the middleware, and with the stock one, which needs a drain longer than its refresh.
func TestRollingDeploy(t *testing.T) {
	const servers = 6
	for _, tc := range []struct {
		name   string
		server processConfig
		use    func(t *testing.T, r *registry.Redis) client.Middleware
	}{
		{
			"Discovery",
			processConfig{TTL: 15 * time.Second, Drain: 500 * time.Millisecond, Timeout: time.Second, Exit: 2 * time.Second},
			func(t *testing.T, r *registry.Redis) client.Middleware { return Discovery(live(t, r)) },
		},
		{
			"sd.Discovery",
			processConfig{TTL: 15 * time.Second, Drain: 2 * time.Second, Timeout: 3 * time.Second, Exit: 4 * time.Second},
			func(t *testing.T, r *registry.Redis) client.Middleware {
				return sd.Discovery(NewResolver(live(t, r)), sd.WithLoadBalanceOptions(
					loadbalance.NewWeightedBalancer(), loadbalance.Options{RefreshInterval: 200 * time.Millisecond}))
			},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			redis := redistest.Start(t)
			tc.server.URL = redis.URL()
			fleet := spawnAll(t, servers, tc.server)
			l := press(t, using(t, tc.use(t, connect(t, redis.URL()))), 8, true)
			l.flows(t, 200)
			for i, old := range fleet {
				next := spawn(t, tc.server)
				next.up(t)
				old.term(t)
				fleet[i] = next
				l.flows(t, 200)
			}
			await(t, "the new servers answer, and no other", func() bool {
				before, _ := l.count()
				l.flows(t, 200)
				after, _ := l.count()
				for _, p := range fleet {
					if after[p.name()] == before[p.name()] {
						return false
					}
				}
				return true
			})
			l.report(t)
			if answered, _ := l.count(); len(answered) != 2*servers {
				t.Errorf("%d servers have answered, want %d", len(answered), 2*servers)
			}
		})
	}
}

// using returns a client with a middleware.
func using(t *testing.T, mw client.Middleware) *client.Client {
	t.Helper()
	c, err := client.NewClient()
	must(t, err)
	t.Cleanup(c.CloseIdleConnections)
	c.Use(mw)
	return c
}

// spawnAll starts server processes, and waits until all are registered.
func spawnAll(t *testing.T, n int, c processConfig) []*process {
	t.Helper()
	var fleet []*process
	for range n {
		fleet = append(fleet, spawn(t, c))
	}
	for _, p := range fleet {
		p.up(t)
	}
	return fleet
}

// registered returns how many nodes of the service the registry knows.
func registered(t *testing.T, r *registry.Redis) int {
	t.Helper()
	n := 0
	services, err := r.GetService(t.Context(), "shop")
	for _, s := range services {
		n += len(s.Nodes)
	}
	if err != nil && !errors.Is(err, registry.ErrNotFound) && !errors.Is(err, registry.ErrUnavailable) {
		t.Fatal(err)
	}
	return n
}

// One server of six is killed: requests fail no longer than it takes to turn away from
// it, and idempotent ones not at all. The node is gone when its lease is.
func TestCrashUnderLoad(t *testing.T) {
	t.Parallel()
	const ttl = 3 * time.Second
	redis := redistest.Start(t)
	fleet := spawnAll(t, 6, processConfig{URL: redis.URL(), TTL: ttl, Timeout: time.Second, Exit: time.Second})
	r := connect(t, redis.URL())
	l := press(t, using(t, Discovery(live(t, r))), 8, true)
	l.flows(t, 1000)
	killed := time.Now()
	fleet[0].kill(t)
	await(t, "its lease has run out", func() bool { return registered(t, r) == 5 })
	if gone := time.Since(killed); gone > ttl+time.Second {
		t.Errorf("gone after %v, with a TTL of %v", gone, ttl)
	}
	l.flows(t, 1000)
	l.end()
	answered, failed := l.count()
	var last time.Duration
	for _, f := range failed {
		last = max(last, f.at.Sub(killed))
		if f.method != consts.MethodPost {
			t.Errorf("%s failed at %v: %v", f.method, f.at.Sub(killed), f.err)
		}
	}
	t.Logf("%d calls answered, %d POSTs failed, the last %v after the crash", sum(answered, nil), len(failed), last)
	if bound := 100 * time.Millisecond; last > bound {
		t.Errorf("requests fail for %v after the crash, want %v at most", last, bound)
	}
}

// Redis is away for half a minute, longer than leases last, and comes back empty: no
// request fails, and all servers register again.
func TestRedisKilledUnderLoad(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	spawnAll(t, 6, processConfig{URL: redis.URL(), TTL: 6 * time.Second, Timeout: time.Second, Exit: time.Second})
	r := connect(t, redis.URL(), registry.Timeout(time.Second))
	l := press(t, using(t, Discovery(live(t, r))), 2, true)
	l.flows(t, 1000)
	redis.Kill()
	<-time.After(30 * time.Second)
	before, _ := l.count()
	l.flows(t, 1000)
	after, _ := l.count()
	for name, n := range after {
		if before[name] == n {
			t.Errorf("server %s is called no more", name)
		}
	}
	redis.Restart(false)
	await(t, "all servers are registered again", func() bool { return registered(t, r) == 6 })
	l.flows(t, 1000)
	l.report(t)
}
