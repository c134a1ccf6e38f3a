// Package hertzotel traces Hertz clients with OpenTelemetry.
package hertzotel

import (
	"context"
	"net/http"
	"strconv"

	"github.com/cloudwego/hertz/pkg/app/client"
	"github.com/cloudwego/hertz/pkg/protocol"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/rollcall-go/rollcall/oteladapter"
	"github.com/rollcall-go/rollcall/oteladapter/internal/spans"
)

// Client returns a middleware that makes a client span for each request, by HTTP's semantic
// conventions, and writes the trace context into its header. Give it to Client.Use after
// hertzadapter.Discovery, which sends one request for each try. The span ends when Hertz has
// the response, before the body of a stream.
func Client(opts ...oteladapter.Option) client.Middleware {
	c := spans.NewConfig(opts)
	tracer := c.Tracer()
	return func(next client.Endpoint) client.Endpoint {
		return func(ctx context.Context, req *protocol.Request, resp *protocol.Response) error {
			ctx, span := tracer.Start(ctx, spans.Method(string(req.Method())), trace.WithSpanKind(trace.SpanKindClient))
			c.Propagator.Inject(ctx, header{req})
			if !span.IsRecording() {
				return next(ctx, req, resp)
			}
			defer span.End()
			span.SetAttributes(append(request(req), spans.TryOf(ctx, string(req.URI().Host()))...)...)
			if err := next(ctx, req, resp); err != nil {
				spans.Fail(span, err)
				return err
			}
			status := resp.StatusCode()
			span.SetAttributes(semconv.HTTPResponseStatusCode(status))
			if status >= http.StatusBadRequest {
				span.SetAttributes(semconv.ErrorTypeKey.String(strconv.Itoa(status)))
				span.SetStatus(codes.Error, "")
			}
			return nil
		}
	}
}

// request returns the attributes of a request.
func request(req *protocol.Request) []attribute.KeyValue {
	method := string(req.Method())
	name := spans.Method(method)
	attrs := []attribute.KeyValue{semconv.HTTPRequestMethodKey.String(name)}
	if name == spans.Other {
		attrs[0] = semconv.HTTPRequestMethodOther
		attrs = append(attrs, semconv.HTTPRequestMethodOriginal(method))
	}
	attrs = append(attrs, semconv.URLFull(string(req.URI().FullURI())))
	return append(attrs, spans.Address(string(req.URI().Host()))...)
}

// A header is that of a request, for a propagator.
type header struct{ req *protocol.Request }

func (h header) Get(key string) string { return h.req.Header.Get(key) }
func (h header) Set(key, value string) { h.req.Header.Set(key, value) }

// Keys is for reading alone.
func (h header) Keys() (keys []string) {
	h.req.Header.VisitAll(func(key, _ []byte) { keys = append(keys, string(key)) })
	return keys
}
