package oteladapter

import (
	"context"

	"github.com/rollcall-go/rollcall/oteladapter/internal/spans"
	"github.com/rollcall-go/rollcall/registry"
)

// Registry returns a Tracer for registry.Trace.
func Registry(opts ...Option) registry.Tracer {
	tracer := spans.NewConfig(opts).Tracer()
	return func(ctx context.Context, op, namespace, service string) (context.Context, func(error)) {
		ctx, span := spans.Start(ctx, tracer, op, namespace, service)
		return ctx, spans.Ender(span)
	}
}
