package oteladapter

import (
	"context"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/oteladapter/internal/spans"
	"github.com/rollcall-go/rollcall/registry"
)

// Discovery returns a Tracer for discovery.Trace. The context that Do hands to a call has the
// span, so spans that the call makes are children of it.
func Discovery(opts ...Option) discovery.Tracer { return calls{spans.NewConfig(opts).Tracer()} }

type calls struct{ tracer trace.Tracer }

// A call is what the context of a call has for its tries.
type call struct{ namespace, service string }

type callKey struct{}

func (c calls) Call(ctx context.Context, op, namespace, service string) (context.Context, func(error)) {
	ctx, span := spans.Start(ctx, c.tracer, op, namespace, service)
	if span.IsRecording() {
		span.SetAttributes(semconv.ServicePeerName(service))
		ctx = context.WithValue(ctx, callKey{}, call{namespace, service})
	}
	return ctx, spans.Ender(span)
}

func (c calls) Try(ctx context.Context, n *registry.Node, retry int) (context.Context, func(error)) {
	in, recorded := ctx.Value(callKey{}).(call)
	if !recorded {
		return ctx, func(error) {}
	}
	t := spans.Try{Namespace: in.namespace, Service: in.service, Node: n, Retry: retry}
	return t.With(ctx), func(err error) {
		attrs := append(t.Attributes(), spans.Outcome.String(outcome(err)))
		if err != nil {
			attrs = append(attrs, spans.Failure(err), semconv.ExceptionMessage(err.Error()))
		}
		trace.SpanFromContext(ctx).AddEvent("rollcall try", trace.WithAttributes(attrs...))
	}
}

// outcome says what came of a try.
func outcome(err error) string {
	if err == nil {
		return "ok"
	}
	switch discovery.Classify(err).Fault {
	case discovery.FaultCaller:
		return "caller"
	case discovery.FaultNeither:
		return "neither"
	case discovery.NoFault:
		return "answer"
	}
	return "node"
}
