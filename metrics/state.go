package metrics

import (
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/registry"
)

// The gauges, which are made anew for each Collect.
var (
	outage     = gauge("rollcall_redis_outage_seconds", "Since when Redis is away; 0 while it is not.")
	registered = gauge("rollcall_registered_nodes", "Nodes that are registered here.", "namespace", "service", "state")

	viewNodes   = ofView("nodes", "Nodes in the view.")
	viewReady   = ofView("ready_nodes", "Nodes that may be picked.")
	viewHeld    = ofView("held_nodes", "Nodes in the view that Redis has lost.")
	viewGuarded = ofView("guarded_nodes", "Nodes in the view whose leases have ended.")
	viewEjected = ofView("ejected_nodes", "Nodes that get no calls because they fail.")
	viewAge     = ofView("age_seconds", "Since when the view is stale; 0 while it is live.")
	viewRefused = ofView("renewals_refused_seconds", "Since when Redis refuses renewals; 0 while it does not.")

	gauges = []*prometheus.Desc{
		outage, registered, viewNodes, viewReady, viewHeld, viewGuarded, viewEjected, viewAge, viewRefused,
	}
)

func gauge(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

func ofView(name, help string) *prometheus.Desc {
	return gauge("rollcall_view_"+name, help, "namespace", "service")
}

func show(to chan<- prometheus.Metric, d *prometheus.Desc, value float64, labels ...string) {
	to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}

// collectRegistries collects the state of the registries.
func (c *Collector) collectRegistries(to chan<- prometheus.Metric) {
	c.mu.Lock()
	added := slices.Collect(maps.Keys(c.registries))
	c.mu.Unlock()
	var away time.Duration
	type group struct {
		key
		state string
	}
	nodes := map[group]int{}
	open := 0
	for _, r := range added {
		s, err := r.Stats()
		if errors.Is(err, registry.ErrClosed) {
			c.mu.Lock()
			delete(c.registries, r)
			c.mu.Unlock()
			continue
		}
		open++
		away = max(away, since(s.OutageSince))
		for _, n := range s.Nodes {
			nodes[group{c.labels.of(n.Namespace, n.Service), n.State.String()}] += n.Nodes
		}
	}
	if open > 0 {
		show(to, outage, away.Seconds())
	}
	for g, n := range nodes {
		show(to, registered, float64(n), g.namespace, g.service, g.state)
	}
}

// since returns how long a time is ago; zero for the zero time.
func since(t time.Time) time.Duration {
	if t.IsZero() {
		return 0
	}
	return max(0, time.Since(t))
}

// callCounters are the counters of resolvers.
type callCounters struct{ calls, failed, retries, denied, noNodes, ejections, views *prometheus.CounterVec }

func newCallCounters() callCounters {
	of := func(name, help string) *prometheus.CounterVec { return counter(name, help, "namespace", "service") }
	return callCounters{
		calls:     of("rollcall_node_calls_total", "Calls to nodes that have begun, each try counted."),
		failed:    of("rollcall_node_call_failures_total", "Calls that failed by the fault of the node."),
		retries:   of("rollcall_retries_total", "Further tries of calls."),
		denied:    of("rollcall_retries_denied_total", "Further tries that the retry budget did not allow."),
		noNodes:   of("rollcall_picks_without_node_total", "Picks that found no node."),
		ejections: of("rollcall_ejections_total", "Nodes that were ejected, each time anew."),
		views:     of("rollcall_view_changes_total", "New views."),
	}
}

func (v *callCounters) all() []prometheus.Collector {
	return []prometheus.Collector{v.calls, v.failed, v.retries, v.denied, v.noNodes, v.ejections, v.views}
}

// add adds what has been counted since the stats before.
func (v *callCounters) add(k key, s, before discovery.ServiceStats) {
	for _, c := range []struct {
		vec         *prometheus.CounterVec
		now, before uint64
	}{
		{v.calls, s.Calls, before.Calls},
		{v.failed, s.Failed, before.Failed},
		{v.retries, s.Retries, before.Retries},
		{v.denied, s.Denied, before.Denied},
		{v.noNodes, s.NoNodes, before.NoNodes},
		{v.ejections, s.Ejections, before.Ejections},
		{v.views, s.Views, before.Views},
	} {
		c.vec.WithLabelValues(k.namespace, k.service).Add(float64(c.now - c.before)) // 0 has it shown from the beginning
	}
}

// A counted is what the counters have of a resolver.
type counted struct {
	times int // that it was added to
	stats map[followed]discovery.ServiceStats
}

// A followed is a service from when it was followed until it was let go.
type followed struct {
	key
	since time.Time
}

// collectResolvers collects the views of the resolvers, and adds to the counters.
func (c *Collector) collectResolvers(to chan<- prometheus.Metric) {
	c.mu.Lock()
	before := map[*discovery.Resolver]counted{}
	for r, counted := range c.resolvers {
		before[r] = *counted
	}
	c.mu.Unlock()
	worst := map[key]view{}
	for r, before := range before {
		stats, err := r.Stats()
		if err != nil { // it is closed, or was never usable
			c.mu.Lock()
			delete(c.resolvers, r)
			c.mu.Unlock()
			continue
		}
		for _, s := range stats {
			k := c.labels.of(s.Namespace, s.Service)
			v := viewOf(s)
			if other, more := worst[k]; more {
				v = v.worse(other)
			}
			worst[k] = v
		}
		c.count(r, before, stats)
	}
	for k, v := range worst {
		v.show(to, k)
	}
}

// count adds to the counters what a resolver has counted since before. If another Collect has
// added to them meanwhile, it does nothing, for these stats may be older than those.
func (c *Collector) count(r *discovery.Resolver, before counted, stats []discovery.ServiceStats) {
	c.mu.Lock()
	defer c.mu.Unlock()
	of := c.resolvers[r]
	if of == nil || of.times != before.times {
		return
	}
	after := map[followed]discovery.ServiceStats{}
	for _, s := range stats {
		id := followed{key{s.Namespace, s.Service}, s.Since}
		c.calls.add(c.labels.of(s.Namespace, s.Service), s, of.stats[id])
		after[id] = s
	}
	of.times, of.stats = of.times+1, after
}

// A view is the gauges of a view.
type view struct {
	nodes, ready, held, guarded, ejected int
	age, refused                         time.Duration
}

func viewOf(s discovery.ServiceStats) view {
	return view{s.Nodes, s.Ready, s.Held, s.Guarded, s.Ejected, since(s.StaleSince), since(s.RefusedSince)}
}

// worse returns the worse of each gauge of two views.
func (v view) worse(o view) view {
	return view{
		min(v.nodes, o.nodes), min(v.ready, o.ready), max(v.held, o.held), max(v.guarded, o.guarded),
		max(v.ejected, o.ejected), max(v.age, o.age), max(v.refused, o.refused),
	}
}

func (v view) show(to chan<- prometheus.Metric, k key) {
	for d, value := range map[*prometheus.Desc]float64{
		viewNodes: float64(v.nodes), viewReady: float64(v.ready), viewHeld: float64(v.held),
		viewGuarded: float64(v.guarded), viewEjected: float64(v.ejected),
		viewAge: v.age.Seconds(), viewRefused: v.refused.Seconds(),
	} {
		show(to, d, value, k.namespace, k.service)
	}
}
