package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/rollcall-go/rollcall/registry"
)

// The buckets, in seconds: of what waits for Redis, and of what is due at a time.
var (
	durations = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	delays    = []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}
)

// Events are the metrics that Observe fills.
type events struct {
	calls, rounds, states, reaped, reads, polls, doubts, gaps, healths *prometheus.CounterVec
	renewed, resubscribed                                              prometheus.Counter
	callTook                                                           *prometheus.HistogramVec
	roundTook, roundLate, readTook, pollTook, pollLate                 prometheus.Histogram
}

func newEvents() events {
	return events{
		calls:        counter("rollcall_calls_total", "Calls of the Registry interface.", "op", "result"),
		rounds:       counter("rollcall_renewal_rounds_total", "Rounds of renewals.", "result"),
		renewed:      counter("rollcall_renewal_nodes_total", "Nodes in rounds of renewals.").WithLabelValues(),
		states:       counter("rollcall_state_changes_total", "Nodes registered here that came to a state.", "namespace", "service", "state"),
		reaped:       counter("rollcall_reaped_nodes_total", "Nodes removed here whose leases had ended.", "namespace", "service"),
		reads:        counter("rollcall_reads_total", "Services that were read as a whole.", "reason", "result"),
		polls:        counter("rollcall_polls_total", "Comparisons with Redis, of up to 100 services each.", "result"),
		doubts:       counter("rollcall_doubts_total", "Looks at the version of a service because its events did not fit.", "namespace", "service", "result"),
		gaps:         counter("rollcall_gaps_total", "Times that events of a service were lost.", "namespace", "service"),
		healths:      counter("rollcall_health_changes_total", "Changes of the health of a service, by its new health.", "namespace", "service", "health"),
		resubscribed: counter("rollcall_subscription_failures_total", "Subscriptions that ended and were made again.").WithLabelValues(),
		callTook:     histogram("rollcall_call_duration_seconds", "How long calls of the Registry interface took.", durations, "op"),
		roundTook:    timer("rollcall_renewal_duration_seconds", "How long rounds of renewals took.", durations),
		roundLate:    timer("rollcall_renewal_delay_seconds", "How much later than due rounds of renewals began.", delays),
		readTook:     timer("rollcall_read_duration_seconds", "How long it took to read services as a whole.", durations),
		pollTook:     timer("rollcall_poll_duration_seconds", "How long comparisons with Redis took.", durations),
		pollLate:     timer("rollcall_poll_delay_seconds", "How much later than due comparisons with Redis were sent.", delays),
	}
}

func counter(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

func histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
}

func timer(name, help string, buckets []float64) prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets})
}

func (v *events) all() []prometheus.Collector {
	return []prometheus.Collector{
		v.calls, v.rounds, v.renewed, v.states, v.reaped, v.reads, v.polls, v.doubts, v.gaps, v.healths, v.resubscribed,
		v.callTook, v.roundTook, v.roundLate, v.readTook, v.pollTook, v.pollLate,
	}
}

// Observe takes an event of a registry: it is a registry.Observer. It may be that of several
// registries.
func (c *Collector) Observe(e registry.Event) {
	v := &c.events
	switch e := e.(type) {
	case registry.CallEvent:
		v.calls.WithLabelValues(e.Op, result(e.Err)).Inc()
		v.callTook.WithLabelValues(e.Op).Observe(e.Took.Seconds())
	case registry.RenewEvent:
		v.rounds.WithLabelValues(result(e.Err)).Inc()
		v.renewed.Add(float64(e.Nodes))
		v.roundTook.Observe(e.Took.Seconds())
		v.roundLate.Observe(e.Late.Seconds())
	case registry.StateEvent:
		k := c.labels.of(e.Namespace, e.Service)
		v.states.WithLabelValues(k.namespace, k.service, e.State.String()).Inc()
	case registry.ReapEvent:
		k := c.labels.of(e.Namespace, e.Service)
		v.reaped.WithLabelValues(k.namespace, k.service).Add(float64(len(e.Nodes)))
	case registry.ReadEvent:
		v.reads.WithLabelValues(string(e.Why), result(e.Err)).Inc()
		v.readTook.Observe(e.Took.Seconds())
	case registry.PollEvent:
		v.polls.WithLabelValues(result(e.Err)).Inc()
		v.pollTook.Observe(e.Took.Seconds())
		v.pollLate.Observe(e.Late.Seconds())
	case registry.DoubtEvent:
		k, came := c.labels.of(e.Namespace, e.Service), "reread"
		switch {
		case e.Err != nil:
			came = "failed"
		case e.Settled:
			came = "settled"
		}
		v.doubts.WithLabelValues(k.namespace, k.service, came).Inc()
	case registry.GapEvent:
		k := c.labels.of(e.Namespace, e.Service)
		v.gaps.WithLabelValues(k.namespace, k.service).Inc()
	case registry.HealthEvent:
		k := c.labels.of(e.Namespace, e.Service)
		v.healths.WithLabelValues(k.namespace, k.service, health(e)).Inc()
	case registry.SubscriptionEvent:
		v.resubscribed.Inc()
	}
}

// health is the worst of what an event says.
func health(e registry.HealthEvent) string {
	switch {
	case !e.StaleSince.IsZero():
		return "stale"
	case !e.RefusedSince.IsZero():
		return "refused"
	case e.Held > 0:
		return "held"
	}
	return "live"
}
