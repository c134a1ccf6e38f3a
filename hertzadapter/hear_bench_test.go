package hertzadapter

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/cloudwego/hertz/pkg/app/client"
	"github.com/cloudwego/hertz/pkg/app/client/loadbalance"
	"github.com/cloudwego/hertz/pkg/app/middlewares/client/sd"
	"github.com/cloudwego/hertz/pkg/common/config"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// BenchmarkClientsOfAChange measures the ways in which a Hertz client can find its
// servers: how long after a Register it first calls the new server, and how many of
// 200 calls, one every 5 ms, fail beside a node that is registered and dead.
func BenchmarkClientsOfAChange(b *testing.B) {
	const slowest = 6 * time.Second // until every client knows
	host := redistest.SharedStandalone(b).Addr()
	live := func() *discovery.Resolver {
		r := registry.NewRegistry(registry.Addrs(host))
		d := discovery.New(CommunitySource(r))
		b.Cleanup(func() { _, _ = d.Close(), r.Close(context.Background()) })
		return d
	}
	polled := func(every time.Duration) client.Middleware {
		v := NewRedisResolver(host)
		b.Cleanup(func() { _ = v.(io.Closer).Close() })
		if every == 0 {
			return sd.Discovery(v)
		}
		return sd.Discovery(v, sd.WithLoadBalanceOptions(loadbalance.NewWeightedBalancer(), loadbalance.Options{RefreshInterval: every}))
	}
	for name, find := range map[string]func() client.Middleware{
		"sd.Discovery":               func() client.Middleware { return polled(0) },
		"sd.Discovery, every 100 ms": func() client.Middleware { return polled(100 * time.Millisecond) },
		"hertzadapter.Discovery":     func() client.Middleware { return Discovery(live()) },
	} {
		b.Run(name, func(b *testing.B) {
			servers := registry.NewRegistry(registry.Addrs(host))
			defer servers.Close(context.Background())
			c, err := client.NewClient()
			if err != nil {
				b.Fatal(err)
			}
			c.Use(find())
			get := func() (string, error) {
				_, body, err := c.Get(b.Context(), nil, "http://shop/", config.WithSD(true))
				return string(body), err
			}
			register := func(addr string) *registry.Service {
				s := &registry.Service{Name: "shop", Nodes: []*registry.Node{{Address: addr}}}
				if err := servers.Register(b.Context(), s); err != nil {
					b.Fatal(err)
				}
				return s
			}
			start := func(name string) string {
				s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, name) }))
				b.Cleanup(s.Close)
				return s.Listener.Addr().String()
			}
			register(start("old"))
			if _, err := get(); err != nil {
				b.Fatal(err)
			}
			var total time.Duration
			failed := 0
			for b.Loop() {
				added := register(start("new"))
				began := time.Now()
				for body := ""; body != "new"; time.Sleep(time.Millisecond) {
					if body, err = get(); err != nil {
						b.Fatal(err)
					}
				}
				total += time.Since(began)
				dead := register(refused(b))
				time.Sleep(slowest)
				for range 200 {
					if _, err := get(); err != nil {
						failed++
					}
					time.Sleep(5 * time.Millisecond)
				}
				for _, s := range []*registry.Service{added, dead} {
					if err := servers.Deregister(b.Context(), s); err != nil {
						b.Fatal(err)
					}
				}
				time.Sleep(slowest)
			}
			b.ReportMetric(float64(total.Milliseconds())/float64(b.N), "ms-to-learn")
			b.ReportMetric(float64(failed)/float64(b.N), "failed/200")
			b.ReportMetric(0, "ns/op")
		})
	}
}
