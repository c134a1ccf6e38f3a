package oteladapter

import (
	"net/http"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/trace"

	"github.com/rollcall-go/rollcall/oteladapter/internal/spans"
)

// Transport returns an http.RoundTripper that makes a client span for each request, by HTTP's
// semantic conventions, and writes the trace context into its header. It is meant to be the base
// of a discovery.Transport, which sends one request for each try. Requests are sent by base, or
// by http.DefaultTransport if base is nil.
//
// It is otelhttp's Transport, without its metrics.
func Transport(base http.RoundTripper, opts ...Option) http.RoundTripper {
	if base == nil {
		base = http.DefaultTransport
	}
	c := spans.NewConfig(opts)
	return &transport{base, otelhttp.NewTransport(tries{base},
		otelhttp.WithTracerProvider(c.Provider), otelhttp.WithPropagators(c.Propagator),
		otelhttp.WithMeterProvider(noop.NewMeterProvider()),
		otelhttp.WithSpanNameFormatter(func(_ string, req *http.Request) string { return spans.Method(req.Method) }))}
}

type transport struct {
	base http.RoundTripper
	http.RoundTripper
}

// CloseIdleConnections closes those of base.
func (t *transport) CloseIdleConnections() {
	if base, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		base.CloseIdleConnections()
	}
}

// tries adds to the span of a request what is known of its try.
type tries struct{ base http.RoundTripper }

func (t tries) RoundTrip(req *http.Request) (*http.Response, error) {
	if span := trace.SpanFromContext(req.Context()); span.IsRecording() {
		span.SetAttributes(spans.TryOf(req.Context(), req.URL.Host)...)
	}
	return t.base.RoundTrip(req)
}
