// Package oteladapter traces registries, resolvers and HTTP clients with OpenTelemetry. It is a
// module of its own, so that no other program links OpenTelemetry:
// go get github.com/rollcall-go/rollcall/oteladapter.
//
//	r := registry.NewRegistry(registry.Addrs("10.0.0.5:6379"), registry.Trace(oteladapter.Registry()))
//	d := discovery.New(r, discovery.Trace(oteladapter.Discovery()))
//	web := &http.Client{Transport: discovery.Transport(d, oteladapter.Transport(nil))}
//	cli.Use(hertzadapter.Discovery(d), hertzotel.Client()) // of a Hertz client
//
// # Spans
//
//	rollcall register   one for each call of the Registry interface: deregister, get, list, watch, and
//	                    know: whether there is a service of a name, before it is followed
//	rollcall call       one for each Do, or request by a discovery.Transport or Hertz; an event for each try
//	rollcall dial       the same for DialContext
//	GET                 kind client: one for each try of a request, until the body of its response ends
//
// So the names are few. A request carries the trace context in its header. Spans of commands to
// Redis come from redisotel: see the example.
//
// # Attributes
//
//	rollcall.namespace, rollcall.service   of all; a list has no service
//	service.peer.name                      the service that is called
//	rollcall.node                          the ID of the node, of an event and of a request
//	server.address, server.port            where the node is, of both
//	rollcall.retry                         of both, 0 for the first try
//	rollcall.outcome                       of an event: ok, answer (an error that Permanent marks),
//	                                       node (it is at fault), caller, or neither
//	error.type                             not_found, invalid, conflict, superseded, permission, closed,
//	                                       unavailable, canceled, timeout, or error
//
// and those of HTTP's semantic conventions, for a try of a request. A span whose call has failed
// has the status Error with the text of the error.
//
// # Cost
//
// Without these options the registry and the resolver do nothing more. Where a span is not
// recorded, because it is not sampled or there is no SDK, it gets no attributes and no events.
package oteladapter

import (
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/rollcall-go/rollcall/oteladapter/internal/spans"
)

// An Option is one of this package and of hertzotel. A nil one has no effect.
type Option func(*spans.Config)

// WithTracerProvider sets the provider of the tracer. Default, also for nil: otel's global one.
func WithTracerProvider(p trace.TracerProvider) Option {
	return func(c *spans.Config) { c.Provider = p }
}

// WithPropagator sets what writes the trace context into the header of a request: Transport and
// hertzotel do. Default, also for nil: otel's global one, which writes nothing until a program
// sets it.
func WithPropagator(p propagation.TextMapPropagator) Option {
	return func(c *spans.Config) { c.Propagator = p }
}
