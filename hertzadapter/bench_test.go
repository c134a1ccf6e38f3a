package hertzadapter

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cloudwego/hertz/pkg/app"
	"github.com/cloudwego/hertz/pkg/app/client"
	"github.com/cloudwego/hertz/pkg/app/server"
	"github.com/cloudwego/hertz/pkg/common/config"
	"github.com/cloudwego/hertz/pkg/protocol"
	"github.com/cloudwego/hertz/pkg/protocol/consts"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// BenchmarkRegisterToMiddleware measures from the return of Register until the
// middleware sends a request to the new node: 0 where it did before.
func BenchmarkRegisterToMiddleware(b *testing.B) {
	s := redistest.Start(b)
	open := func() *registry.Redis {
		r := registry.NewRegistry(registry.URL(s.URL()))
		b.Cleanup(func() { _ = r.Close(context.Background()) })
		return r
	}
	servers, d := open(), discovery.New(open())
	defer d.Close()
	var host string
	send := Discovery(d, WithBalancer(discovery.RoundRobin()))(func(_ context.Context, req *protocol.Request, _ *protocol.Response) error {
		host = string(req.Host())
		return nil
	})
	req, resp := protocol.AcquireRequest(), protocol.AcquireResponse()
	req.SetRequestURI("http://shop/")
	req.SetOptions(config.WithSD(true))
	n := 0
	change := func() *registry.Service {
		n++
		return &registry.Service{Name: "shop", Nodes: []*registry.Node{{ID: "a", Address: fmt.Sprintf("10.0.0.1:%d", 1+n%60000)}}}
	}
	if err := servers.Register(b.Context(), change()); err != nil {
		b.Fatal(err)
	}
	var took []time.Duration
	for b.Loop() {
		next := change()
		if err := servers.Register(b.Context(), next); err != nil {
			b.Fatal(err)
		}
		returned := time.Now()
		for host = ""; host != next.Nodes[0].Address; {
			if err := send(b.Context(), req, resp); err != nil {
				b.Fatal(err)
			}
		}
		took = append(took, time.Since(returned))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}

// BenchmarkOverhead calls one server from eight callers, directly and through the
// middleware by turns, and reports how much throughput the middleware costs.
func BenchmarkOverhead(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	h := server.New(server.WithListener(l))
	h.GET("/", func(_ context.Context, c *app.RequestContext) { c.String(consts.StatusOK, "hello") })
	h.SetCustomSignalWaiter(func(chan error) error { <-b.Context().Done(); return nil })
	done := make(chan struct{})
	go func() { defer close(done); h.Spin() }()
	b.Cleanup(func() { <-done })

	s := redistest.Start(b)
	r := registry.NewRegistry(registry.URL(s.URL()))
	defer func() { _ = r.Close(context.Background()) }()
	var nodes []*registry.Node // of one address, so that connections are shared
	for i := range 10 {
		nodes = append(nodes, &registry.Node{ID: fmt.Sprint(i), Address: l.Addr().String()})
	}
	if err := r.Register(b.Context(), &registry.Service{Name: "shop", Nodes: nodes}); err != nil {
		b.Fatal(err)
	}
	d := discovery.New(r)
	defer d.Close()
	caller := func(url string, sd bool, mws ...client.Middleware) func() {
		c, err := client.NewClient()
		if err != nil {
			b.Fatal(err)
		}
		c.Use(mws...)
		b.Cleanup(c.CloseIdleConnections)
		return func() {
			req, resp := protocol.AcquireRequest(), protocol.AcquireResponse()
			defer protocol.ReleaseRequest(req)
			defer protocol.ReleaseResponse(resp)
			req.SetRequestURI(url)
			req.SetOptions(config.WithSD(sd))
			if err := c.Do(context.Background(), req, resp); err != nil || resp.StatusCode() != consts.StatusOK {
				b.Error(err, resp.StatusCode())
			}
		}
	}
	pass := func(next client.Endpoint) client.Endpoint { return next }
	calls := []func(){caller("http://"+l.Addr().String()+"/", false, pass), caller("http://shop/", true, Discovery(d))}
	var took [2]time.Duration
	for b.Loop() {
		for i, call := range calls {
			began := time.Now()
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() {
					for range 100 {
						call()
					}
				})
			}
			all.Wait()
			took[i] += time.Since(began)
		}
	}
	rate := func(d time.Duration) float64 { return float64(8*100*b.N) / d.Seconds() }
	b.ReportMetric(rate(took[0]), "direct/s")
	b.ReportMetric(rate(took[1]), "discovery/s")
	b.ReportMetric(100*(1-float64(took[0])/float64(took[1])), "cost-%")
}
