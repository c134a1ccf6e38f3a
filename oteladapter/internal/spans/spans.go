package spans

import (
	"context"
	"net"
	"net/http"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/registry"
)

// The attributes of our own.
const (
	Namespace = attribute.Key("rollcall.namespace")
	Service   = attribute.Key("rollcall.service")
	Node      = attribute.Key("rollcall.node")
	Retry     = attribute.Key("rollcall.retry")
	Outcome   = attribute.Key("rollcall.outcome")
)

// Start begins the span of a call. The attributes are there at once, for samplers.
func Start(ctx context.Context, tracer trace.Tracer, op, namespace, service string) (context.Context, trace.Span) {
	attrs := []attribute.KeyValue{Namespace.String(namespace), Service.String(service)}
	if service == "" { // of a list
		attrs = attrs[:1]
	}
	return tracer.Start(ctx, "rollcall "+op, trace.WithAttributes(attrs...))
}

// Ender returns the function that ends a span with the result of its call.
func Ender(span trace.Span) func(error) {
	if !span.IsRecording() {
		return func(error) {}
	}
	return func(err error) {
		Fail(span, err)
		span.End()
	}
}

// Fail gives a span the status and the type of an error; nil changes nothing.
func Fail(span trace.Span, err error) {
	if err != nil {
		span.SetAttributes(Failure(err))
		span.SetStatus(codes.Error, err.Error())
	}
}

// Failure returns the type of an error.
func Failure(err error) attribute.KeyValue {
	return semconv.ErrorTypeKey.String(errdefs.Label(err))
}

// A Try is one try of a call on a node. The context of the try has it, for the span of a request.
type Try struct {
	Namespace, Service string
	Node               *registry.Node
	Retry              int
}

// Attributes returns those of a try.
func (t Try) Attributes() []attribute.KeyValue {
	return append(Address(t.Node.Address), Namespace.String(t.Namespace), Service.String(t.Service),
		semconv.ServicePeerName(t.Service), Node.String(t.Node.ID), Retry.Int(t.Retry))
}

type tryKey struct{}

// With returns a context that has the try.
func (t Try) With(ctx context.Context) context.Context { return context.WithValue(ctx, tryKey{}, t) }

// TryOf returns the attributes of the try that a request to an address belongs to, if it does.
func TryOf(ctx context.Context, address string) []attribute.KeyValue {
	t, ok := ctx.Value(tryKey{}).(Try)
	if !ok || t.Node.Address != address {
		return nil
	}
	attrs := t.Attributes()
	if t.Retry > 0 {
		attrs = append(attrs, semconv.HTTPRequestResendCount(t.Retry))
	}
	return attrs
}

// Address returns the attributes of an address: host and port, or the path of a unix socket.
func Address(address string) []attribute.KeyValue {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return []attribute.KeyValue{semconv.ServerAddress(address)}
	}
	attrs := []attribute.KeyValue{semconv.ServerAddress(host)}
	if p, err := strconv.Atoi(port); err == nil {
		attrs = append(attrs, semconv.ServerPort(p))
	}
	return attrs
}

// Other is the name of a span for an HTTP method that is not a usual one.
const Other = "HTTP"

// Method returns the name of a span for an HTTP method: the method, or Other.
func Method(method string) string {
	switch method {
	case "":
		return http.MethodGet
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodConnect, http.MethodOptions, http.MethodTrace:
		return method
	}
	return Other
}
