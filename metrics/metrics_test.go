package metrics_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/metrics"
	"github.com/rollcall-go/rollcall/registry"
)

const patience = 30 * time.Second

// collected returns a Collector that is registered, and its Registry, which checks what it
// collects.
func collected(t *testing.T, opts ...metrics.Option) (*metrics.Collector, *prometheus.Registry) {
	t.Helper()
	r := prometheus.NewPedanticRegistry()
	m, err := metrics.Register(r, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return m, r
}

// wants waits for lines of metrics as Prometheus reads them.
func wants(t *testing.T, g prometheus.Gatherer, want string, names ...string) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := testutil.GatherAndCompare(g, strings.NewReader(want), names...)
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// A registry and a resolver on a real Redis, in good times and in an outage.
func TestMetricsOnRedis(t *testing.T) {
	server := redistest.Start(t)
	m, gatherer := collected(t)
	r := registry.NewRegistry(registry.URL(server.URL()), registry.Observe(m.Observe), registry.Logger(zerolog.Nop()),
		registry.Timeout(5*time.Second), registry.Interval(200*time.Millisecond), registry.PollInterval(200*time.Millisecond))
	t.Cleanup(func() { _ = r.Close(context.Background()) })
	m.AddRegistry(r)
	m.AddRegistry(r) // which changes nothing
	d := discovery.New(r, discovery.Logger(zerolog.Nop()))
	m.AddResolver(d)
	m.AddResolver(d)
	err := r.Register(t.Context(), &registry.Service{Name: "shop", Nodes: []*registry.Node{{Address: "10.0.0.1:80"}, {Address: "10.0.0.2:80"}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.GetService(t.Context(), "desk"); !errors.Is(err, registry.ErrNotFound) {
		t.Fatal(err)
	}
	for range 7 {
		if err := d.Do(t.Context(), "shop", func(context.Context, *registry.Node) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	wants(t, gatherer, `
# HELP rollcall_calls_total Calls of the Registry interface.
# TYPE rollcall_calls_total counter
rollcall_calls_total{op="get",result="not_found"} 1
rollcall_calls_total{op="know",result="ok"} 1
rollcall_calls_total{op="register",result="ok"} 1
# HELP rollcall_node_calls_total Calls to nodes that have begun, each try counted.
# TYPE rollcall_node_calls_total counter
rollcall_node_calls_total{namespace="default",service="shop"} 7
# HELP rollcall_redis_outage_seconds Since when Redis is away; 0 while it is not.
# TYPE rollcall_redis_outage_seconds gauge
rollcall_redis_outage_seconds 0
# HELP rollcall_registered_nodes Nodes that are registered here.
# TYPE rollcall_registered_nodes gauge
rollcall_registered_nodes{namespace="default",service="shop",state="live"} 2
# HELP rollcall_state_changes_total Nodes registered here that came to a state.
# TYPE rollcall_state_changes_total counter
rollcall_state_changes_total{namespace="default",service="shop",state="live"} 2
# HELP rollcall_view_age_seconds Since when the view is stale; 0 while it is live.
# TYPE rollcall_view_age_seconds gauge
rollcall_view_age_seconds{namespace="default",service="shop"} 0
# HELP rollcall_view_ready_nodes Nodes that may be picked.
# TYPE rollcall_view_ready_nodes gauge
rollcall_view_ready_nodes{namespace="default",service="shop"} 2
`, "rollcall_calls_total", "rollcall_node_calls_total", "rollcall_redis_outage_seconds", "rollcall_registered_nodes",
		"rollcall_state_changes_total", "rollcall_view_age_seconds", "rollcall_view_ready_nodes")
	for _, name := range []string{"rollcall_renewal_duration_seconds", "rollcall_poll_delay_seconds", "rollcall_reads_total"} {
		until(t, func() error { return has(gatherer, name, func(v float64) bool { return v > 0 }) })
	}
	problems, err := testutil.GatherAndLint(gatherer)
	if err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}

	server.Kill()
	for _, name := range []string{"rollcall_redis_outage_seconds", "rollcall_view_age_seconds", "rollcall_health_changes_total"} {
		until(t, func() error {
			return has(gatherer, name, func(v float64) bool { return v > 0 && v < patience.Seconds() })
		})
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	_ = r.Close(t.Context())
	wants(t, gatherer, "", "rollcall_redis_outage_seconds", "rollcall_registered_nodes", "rollcall_view_age_seconds")
	wants(t, gatherer, `
# HELP rollcall_node_calls_total Calls to nodes that have begun, each try counted.
# TYPE rollcall_node_calls_total counter
rollcall_node_calls_total{namespace="default",service="shop"} 7
`, "rollcall_node_calls_total")
}

// until polls check until it returns nil.
func until(t *testing.T, check func() error) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// has is nil if a metric has a value for which is returns true: of a histogram, the sum of
// what it counted.
func has(g prometheus.Gatherer, name string, is func(float64) bool) error {
	families, err := g.Gather()
	if err != nil {
		return err
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			v := m.GetGauge().GetValue() + m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
			if f.GetName() == name && is(v) {
				return nil
			}
		}
	}
	return fmt.Errorf("no %s of such a value", name)
}

// Services beyond MaxServices share a label, and a name of any bytes is one.
func TestLabelsAreBounded(t *testing.T) {
	m, gatherer := collected(t, metrics.MaxServices(2), nil)
	for _, service := range []string{"a", "b\xff", "c", "d", "a"} {
		m.Observe(registry.GapEvent{Namespace: "n", Service: service})
	}
	wants(t, gatherer, `
# HELP rollcall_gaps_total Times that events of a service were lost.
# TYPE rollcall_gaps_total counter
rollcall_gaps_total{namespace="n",service="a"} 2
rollcall_gaps_total{namespace="n",service="b�"} 1
rollcall_gaps_total{namespace="other",service="other"} 2
`, "rollcall_gaps_total")
}

// A change of the health of a service counts as the worst that it says.
func TestHealthChanges(t *testing.T) {
	m, gatherer := collected(t, metrics.MaxServices(1))
	now := time.Now()
	for _, e := range []registry.HealthEvent{
		{StaleSince: now, RefusedSince: now, Held: 1}, {RefusedSince: now, Held: 1}, {Held: 2}, {}, {},
	} {
		e.Namespace, e.Service = "n", "a"
		m.Observe(e)
	}
	m.Observe(registry.HealthEvent{Namespace: "n", Service: "b"})
	wants(t, gatherer, `
# HELP rollcall_health_changes_total Changes of the health of a service, by its new health.
# TYPE rollcall_health_changes_total counter
rollcall_health_changes_total{health="held",namespace="n",service="a"} 1
rollcall_health_changes_total{health="live",namespace="n",service="a"} 2
rollcall_health_changes_total{health="refused",namespace="n",service="a"} 1
rollcall_health_changes_total{health="stale",namespace="n",service="a"} 1
rollcall_health_changes_total{health="live",namespace="other",service="other"} 1
`, "rollcall_health_changes_total")
}

// Each part of a program may ask for the Collector of a Registerer, and one Collector may be
// in several.
func TestRegisteredManyTimes(t *testing.T) {
	m, gatherer := collected(t)
	again, err := metrics.Register(gatherer, metrics.MaxServices(1))
	if err != nil || again != m {
		t.Errorf("a second Register: %v, %v", again == m, err)
	}
	labelled := prometheus.WrapRegistererWith(prometheus.Labels{"zone": "a"}, prometheus.NewRegistry())
	first, err := metrics.Register(labelled)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := metrics.Register(labelled); err != nil || again != first {
		t.Errorf("a second Register with labels: %v, %v", again == first, err)
	}
	other := prometheus.NewPedanticRegistry()
	if err := other.Register(m); err != nil {
		t.Errorf("in another registry: %v", err)
	}
	m.Observe(registry.SubscriptionEvent{})
	for _, g := range []*prometheus.Registry{gatherer, other} {
		wants(t, g, `
# HELP rollcall_subscription_failures_total Subscriptions that ended and were made again.
# TYPE rollcall_subscription_failures_total counter
rollcall_subscription_failures_total 1
`, "rollcall_subscription_failures_total")
	}
	foreign := prometheus.NewRegistry()
	foreign.MustRegister(prometheus.NewCounter(prometheus.CounterOpts{Name: "rollcall_gaps_total", Help: "Of another program."}))
	if _, err := metrics.Register(foreign); err == nil || !strings.Contains(err.Error(), "rollcall_gaps_total") {
		t.Errorf("with a metric of the same name: %v", err)
	}
	if _, err := metrics.Register(nil); !errors.Is(err, registry.ErrInvalid) {
		t.Errorf("with nil: %v", err)
	}
	m.AddRegistry(nil)
	m.AddResolver(nil)
}

// Resolvers of one service are counted together, and counters never go back.
func TestSeveralResolvers(t *testing.T) {
	m, gatherer := collected(t)
	one, two := discovery.Static(shop("a", "b")), discovery.Static(shop("a"))
	var all []*discovery.Resolver
	for i, src := range []*discovery.StaticSource{one, two, one} {
		d := discovery.New(src)
		t.Cleanup(func() { _ = d.Close() })
		m.AddResolver(d)
		all = append(all, d)
		for range i + 1 {
			p, err := d.Pick(t.Context(), "shop")
			if err != nil {
				t.Fatal(err)
			}
			p.Done(nil)
		}
	}
	calls := `
# HELP rollcall_node_calls_total Calls to nodes that have begun, each try counted.
# TYPE rollcall_node_calls_total counter
rollcall_node_calls_total{namespace="default",service="shop"} 6
`
	wants(t, gatherer, calls+`
# HELP rollcall_view_nodes Nodes in the view.
# TYPE rollcall_view_nodes gauge
rollcall_view_nodes{namespace="default",service="shop"} 1
`, "rollcall_node_calls_total", "rollcall_view_nodes")
	if err := all[2].Close(); err != nil {
		t.Fatal(err)
	}
	wants(t, gatherer, calls, "rollcall_node_calls_total")
}

func shop(ids ...string) *registry.Service {
	s := &registry.Service{Name: "shop"}
	for _, id := range ids {
		s.Nodes = append(s.Nodes, &registry.Node{ID: id, Address: id + ":80"})
	}
	return s
}
