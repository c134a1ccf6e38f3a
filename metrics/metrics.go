// Package metrics collects metrics of registries and resolvers for Prometheus.
//
//	m, err := metrics.Register(prometheus.DefaultRegisterer)
//	...
//	r := registry.NewRegistry(registry.Observe(m.Observe))
//	m.AddRegistry(r)
//	d := discovery.New(r)
//	m.AddResolver(d)
//
// Each of the three adds metrics of its own. Observe counts and times what a registry does.
// AddRegistry adds its state: its nodes and its contact with Redis. AddResolver adds the
// views of a Resolver and its calls to nodes. A registry has one Observer: one of your own
// can call Observe.
//
// # Metrics of what registries do
//
//	rollcall_calls_total{op,result}                         calls of the Registry interface
//	rollcall_call_duration_seconds{op}                      how long they took
//	rollcall_renewal_rounds_total{result}                   rounds of renewals
//	rollcall_renewal_nodes_total                            nodes in them
//	rollcall_renewal_duration_seconds                       how long a round took
//	rollcall_renewal_delay_seconds                          how much later than due it began
//	rollcall_state_changes_total{namespace,service,state}   nodes registered here that came to a state
//	rollcall_reaped_nodes_total{namespace,service}          nodes removed here whose leases had ended
//	rollcall_reads_total{reason,result}                     services read as a whole
//	rollcall_read_duration_seconds                          how long that took
//	rollcall_polls_total{result}                            comparisons with Redis, up to 100 services each
//	rollcall_poll_duration_seconds                          how long one took
//	rollcall_poll_delay_seconds                             how much later than due it was sent
//	rollcall_doubts_total{namespace,service,result}         looks at a version because events did not fit
//	rollcall_gaps_total{namespace,service}                  times that events were lost
//	rollcall_health_changes_total{namespace,service,health} changes of the health of a service, by its new health
//	rollcall_subscription_failures_total                    subscriptions that ended and were made again
//
// A result is ok, not_found, invalid, conflict, superseded, unavailable, permission, closed,
// canceled, timeout or error; that of a doubt is settled, reread or failed. A reason is a
// registry.ReadReason. A health is stale, refused (renewals are), held (nodes are, and nothing
// worse) or live.
//
// # Metrics of the state of registries
//
//	rollcall_redis_outage_seconds                              since when Redis is away; 0 while it is not
//	rollcall_registered_nodes{namespace,service,state}         nodes registered here
//
// # Metrics of resolvers
//
//	rollcall_view_nodes{namespace,service}                     nodes in the view
//	rollcall_view_ready_nodes{namespace,service}               those that may be picked
//	rollcall_view_held_nodes{namespace,service}                those that Redis has lost
//	rollcall_view_guarded_nodes{namespace,service}             those whose leases have ended
//	rollcall_view_ejected_nodes{namespace,service}             those that get no calls because they fail
//	rollcall_view_age_seconds{namespace,service}               since when the view is stale; 0 while it is live
//	rollcall_view_renewals_refused_seconds{namespace,service}  since when Redis refuses renewals; 0 while it does not
//	rollcall_view_changes_total{namespace,service}             new views
//	rollcall_node_calls_total{namespace,service}               calls to nodes that have begun, each try counted
//	rollcall_node_call_failures_total{namespace,service}       those that failed by the fault of the node
//	rollcall_retries_total{namespace,service}                  further tries
//	rollcall_retries_denied_total{namespace,service}           further tries that the retry budget did not allow
//	rollcall_picks_without_node_total{namespace,service}       picks that found no node
//	rollcall_ejections_total{namespace,service}                nodes that were ejected, each time anew
//
// Where several resolvers follow a service, or several services share a label, the counters
// are added up, and of the others there is the worst: the fewest nodes, and else the most.
//
// # Labels
//
// The labels are bounded: the first 100 services have labels of their own, see MaxServices,
// and further ones share those of "other". A name that is no service takes no place.
package metrics

import (
	"errors"
	"fmt"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/registry"
)

// DefaultMaxServices is the default of MaxServices.
const DefaultMaxServices = 100

// Other is the label, of namespaces and services, of those beyond MaxServices.
const Other = "other"

// An Option sets a property of a Collector. A nil one has no effect.
type Option func(*Collector)

// MaxServices sets how many services have labels of their own: those that come first. 0, and
// less, is none. Default: DefaultMaxServices.
func MaxServices(n int) Option { return func(c *Collector) { c.labels.most = n } }

// A Collector is a prometheus.Collector of registries and resolvers. One may be registered
// with several Registerers. Make it with New or Register. Its methods may be called from many
// goroutines.
type Collector struct {
	labels labels
	events events
	calls  callCounters

	mu         sync.Mutex
	registries map[*registry.Redis]bool
	resolvers  map[*discovery.Resolver]*counted
}

// New returns a Collector, to be registered with prometheus.Registerers.
func New(opts ...Option) *Collector {
	c := &Collector{
		labels: labels{most: DefaultMaxServices, known: map[key]bool{}},
		events: newEvents(), calls: newCallCounters(),
		registries: map[*registry.Redis]bool{}, resolvers: map[*discovery.Resolver]*counted{},
	}
	for _, opt := range opts {
		if opt != nil {
			opt(c)
		}
	}
	return c
}

// Register returns a Collector that is registered with r. If r has one already, it is that
// one, and the options have no effect: so each part of a program may ask for it.
func Register(r prometheus.Registerer, opts ...Option) (*Collector, error) {
	if r == nil {
		return nil, fmt.Errorf("%w: metrics: the Registerer is nil: use prometheus.DefaultRegisterer", registry.ErrInvalid)
	}
	c := New(opts...)
	err := r.Register(c)
	var already prometheus.AlreadyRegisteredError
	if errors.As(err, &already) {
		if before, ours := already.ExistingCollector.(*Collector); ours {
			return before, nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("metrics: register: %w", err)
	}
	return c, nil
}

// AddRegistry adds the metrics of the state of a registry, until it is closed. One that was
// added before, and nil, have no effect.
func (c *Collector) AddRegistry(r *registry.Redis) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r != nil {
		c.registries[r] = true
	}
}

// AddResolver adds the metrics of a Resolver, until it is closed, and has it count its calls.
// One that was added before, and nil, have no effect. The counters stay after Close.
func (c *Collector) AddResolver(r *discovery.Resolver) {
	if r == nil {
		return
	}
	_, _ = r.Stats() // from now on, calls are counted; its error comes again
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.resolvers[r] == nil {
		c.resolvers[r] = &counted{}
	}
}

// Describe is that of prometheus.Collector.
func (c *Collector) Describe(descs chan<- *prometheus.Desc) {
	for _, m := range c.vectors() {
		m.Describe(descs)
	}
	for _, d := range gauges {
		descs <- d
	}
}

// Collect is that of prometheus.Collector.
func (c *Collector) Collect(metrics chan<- prometheus.Metric) {
	c.collectRegistries(metrics)
	c.collectResolvers(metrics)
	for _, m := range c.vectors() {
		m.Collect(metrics)
	}
}

func (c *Collector) vectors() []prometheus.Collector { return append(c.events.all(), c.calls.all()...) }
