// Package spans is what the packages of this module share.
package spans

import (
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Name is that of the tracers: the instrumentation scope of the spans.
const Name = "github.com/rollcall-go/rollcall/oteladapter"

// A Config is what the options set.
type Config struct {
	Provider   trace.TracerProvider
	Propagator propagation.TextMapPropagator
}

// NewConfig returns what options set, with the defaults.
func NewConfig[O ~func(*Config)](opts []O) Config {
	var c Config
	for _, opt := range opts {
		if opt != nil {
			opt(&c)
		}
	}
	if c.Provider == nil {
		c.Provider = otel.GetTracerProvider()
	}
	if c.Propagator == nil {
		c.Propagator = otel.GetTextMapPropagator()
	}
	return c
}

// Tracer returns the tracer of the provider.
func (c Config) Tracer() trace.Tracer { return c.Provider.Tracer(Name) }
