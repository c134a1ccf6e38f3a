package metrics_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/metrics"
	"github.com/rollcall-go/rollcall/registry"
	"github.com/rollcall-go/rollcall/registry/embedded"
)

func Example() {
	server, err := embedded.Start() // a program has its Redis
	if err != nil {
		panic(err)
	}
	defer server.Close()
	ctx := context.Background()

	gatherer := prometheus.NewRegistry() // or prometheus.DefaultRegisterer
	m, err := metrics.Register(gatherer)
	if err != nil {
		panic(err)
	}
	r := registry.NewRegistry(registry.Addrs(server.Addr()), registry.Observe(m.Observe))
	defer r.Close(ctx)
	m.AddRegistry(r)
	d := discovery.New(r)
	defer d.Close()
	m.AddResolver(d)

	err = r.Register(ctx, &registry.Service{Name: "shop", Nodes: []*registry.Node{{Address: "10.0.0.1:8080"}}})
	if err != nil {
		panic(err)
	}
	err = d.Do(ctx, "shop", func(context.Context, *registry.Node) error { return nil })
	if err != nil {
		panic(err)
	}

	w := httptest.NewRecorder()
	promhttp.HandlerFor(gatherer, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for line := range strings.Lines(w.Body.String()) {
		if strings.HasPrefix(line, "rollcall_node_calls_total") || strings.HasPrefix(line, "rollcall_registered_nodes") {
			fmt.Print(line)
		}
	}
	// Output:
	// rollcall_node_calls_total{namespace="default",service="shop"} 1
	// rollcall_registered_nodes{namespace="default",service="shop",state="live"} 1
}
