package hertzotel_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cloudwego/hertz/pkg/app/client"
	"github.com/cloudwego/hertz/pkg/common/config"
	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/trace"
	otrace "go.opentelemetry.io/otel/trace"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/hertzadapter"
	"github.com/rollcall-go/rollcall/oteladapter"
	"github.com/rollcall-go/rollcall/oteladapter/hertzotel"
	"github.com/rollcall-go/rollcall/oteladapter/internal/spanstest"
	"github.com/rollcall-go/rollcall/registry"
)

// server answers, and sends the span context that it got.
func server(t *testing.T) (*httptest.Server, chan otrace.SpanContext) {
	got := make(chan otrace.SpanContext, 10)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		ctx := propagation.TraceContext{}.Extract(req.Context(), propagation.HeaderCarrier(req.Header))
		got <- otrace.SpanContextFromContext(ctx)
		if req.URL.Path == "/broken" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_, _ = io.WriteString(w, "hello")
	}))
	t.Cleanup(s.Close)
	return s, got
}

func hertz(t *testing.T, p otrace.TracerProvider, d *discovery.Resolver) *client.Client {
	cli, err := client.NewClient(client.WithClientReadTimeout(10 * time.Second))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cli.CloseIdleConnections)
	cli.Use(hertzadapter.Discovery(d), hertzotel.Client(oteladapter.WithTracerProvider(p), oteladapter.WithPropagator(propagation.TraceContext{})))
	return cli
}

// Each try of a request has a client span below that of the call, and the server gets it.
func TestClient(t *testing.T) {
	server, got := server(t)
	gone := httptest.NewServer(nil)
	gone.Close()
	provider, recorder := spanstest.Record(t)
	nodes := []*registry.Node{{ID: "a", Address: gone.Listener.Addr().String()}, {ID: "b", Address: server.Listener.Addr().String()}}
	d := discovery.New(discovery.Static(&registry.Service{Name: "shop", Nodes: nodes}), discovery.Logger(zerolog.Nop()),
		discovery.WithBalancer(discovery.RoundRobin()), discovery.Ejection(0, 0, 0),
		discovery.Trace(oteladapter.Discovery(oteladapter.WithTracerProvider(provider))))
	t.Cleanup(func() { _ = d.Close() })
	cli := hertz(t, provider, d)

	const of = "rollcall.namespace=default rollcall.node="
	end := func(s *httptest.Server, retry string) string {
		return " rollcall.retry=" + retry + " rollcall.service=shop server.address=127.0.0.1 server.port=" + port(s) + " service.peer.name=shop"
	}
	for name, opts := range map[string][]config.RequestOption{
		"plain":          {config.WithSD(true)},
		"with a timeout": {config.WithSD(true), config.WithRequestTimeout(10 * time.Second)},
	} {
		failed := false
		for range 2 { // in turn, a and b come first
			recorder.Reset()
			if _, _, err := cli.Get(t.Context(), nil, "http://shop/cart?a=b", opts...); err != nil {
				t.Fatal(err)
			}
			spans, in := recorder.Ended(), <-got
			if len(spans) != 3 {
				continue
			}
			failed = true
			first, second, call := spans[0], spans[1], spans[2]
			if first.Parent().SpanID() != call.SpanContext().SpanID() || second.Parent().SpanID() != call.SpanContext().SpanID() {
				t.Error("the tries are not below the call")
			}
			if in.SpanID() != second.SpanContext().SpanID() || in.TraceID() != call.SpanContext().TraceID() {
				t.Errorf("the server got %v, want the span of the second try", in)
			}
			refused := first.Status().Description
			spanstest.Want(t, recorder,
				"GET (client) error.type=error http.request.method=GET "+of+"a"+end(gone, "0")+" url.full="+gone.URL+`/cart?a=b Error "`+refused+`"`,
				"GET (client) http.request.method=GET http.request.resend_count=1 http.response.status_code=200 "+of+"b"+end(server, "1")+" url.full="+server.URL+"/cart?a=b",
				"rollcall call (internal) rollcall.namespace=default rollcall.service=shop service.peer.name=shop"+
					"\n- rollcall try error.type=error exception.message="+refused+" "+of+"a rollcall.outcome=node"+end(gone, "0")+
					"\n- rollcall try "+of+"b rollcall.outcome=ok"+end(server, "1"))
		}
		if !failed {
			t.Errorf("%s: no try of two has failed", name)
		}
	}
}

// A request to another host has a span of its own; where it is not recorded, the server gets
// that it is not.
func TestClientOfOtherHosts(t *testing.T) {
	server, got := server(t)
	provider, recorder := spanstest.Record(t)
	d := discovery.New(discovery.Static())
	t.Cleanup(func() { _ = d.Close() })
	if _, _, err := hertz(t, provider, d).Get(t.Context(), nil, server.URL+"/broken"); err != nil {
		t.Fatal(err)
	}
	spans, in := recorder.Ended(), <-got
	if len(spans) != 1 || in.SpanID() != spans[0].SpanContext().SpanID() {
		t.Fatalf("the server got %v, want the span of the request", in)
	}
	spanstest.Want(t, recorder, "GET (client) error.type=503 http.request.method=GET http.response.status_code=503 "+
		"server.address=127.0.0.1 server.port="+port(server)+" url.full="+server.URL+`/broken Error ""`)

	never := trace.NewTracerProvider(trace.WithSampler(trace.NeverSample()))
	ctx, parent := never.Tracer("test").Start(context.Background(), "parent")
	if _, _, err := hertz(t, never, d).Get(ctx, nil, server.URL); err != nil {
		t.Fatal(err)
	}
	if in := <-got; in.TraceID() != parent.SpanContext().TraceID() || in.IsSampled() {
		t.Errorf("the server got %v, want the trace, not sampled", in)
	}
}

func port(s *httptest.Server) string { return s.URL[strings.LastIndex(s.URL, ":")+1:] }
