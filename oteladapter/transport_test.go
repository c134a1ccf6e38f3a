package oteladapter_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/propagation"
	otrace "go.opentelemetry.io/otel/trace"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/oteladapter"
	"github.com/rollcall-go/rollcall/oteladapter/internal/spanstest"
	"github.com/rollcall-go/rollcall/registry"
)

// Each try of a request has a client span below that of the call, and the server gets it.
func TestTransport(t *testing.T) {
	got := make(chan otrace.SpanContext, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		ctx := propagation.TraceContext{}.Extract(req.Context(), propagation.HeaderCarrier(req.Header))
		got <- otrace.SpanContextFromContext(ctx)
		if req.URL.Path == "/broken" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_, _ = io.WriteString(w, "hello")
	}))
	defer server.Close()
	gone := httptest.NewServer(nil)
	gone.Close()
	provider, recorder := spanstest.Record(t)
	r := resolver(t, provider, gone.Listener.Addr().String(), server.Listener.Addr().String())
	base := &http.Transport{}
	traced := oteladapter.Transport(base, oteladapter.WithTracerProvider(provider), oteladapter.WithPropagator(propagation.TraceContext{}))
	web := &http.Client{Transport: discovery.Transport(r, traced)}
	defer web.CloseIdleConnections()
	get := func(url string) {
		t.Helper()
		resp, err := web.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.ReadAll(resp.Body)
		_ = resp.Body.Close()
	}
	port := func(s *httptest.Server) string { return s.URL[strings.LastIndex(s.URL, ":")+1:] }
	try := func(id string, s *httptest.Server, retry, outcome string) string {
		return "rollcall.namespace=default rollcall.node=" + id + outcome + " rollcall.retry=" + retry +
			" rollcall.service=shop server.address=127.0.0.1 server.port=" + port(s) + " service.peer.name=shop"
	}

	failed := false
	for range 2 { // in turn, a and b come first
		recorder.Reset()
		get("http://shop/cart?a=b")
		spans := recorder.Ended()
		in := <-got
		if len(spans) != 3 {
			continue
		}
		failed = true
		first, call, second := spans[0], spans[1], spans[2]
		if first.Parent().SpanID() != call.SpanContext().SpanID() || second.Parent().SpanID() != call.SpanContext().SpanID() {
			t.Error("the tries are not below the call")
		}
		if in.SpanID() != second.SpanContext().SpanID() || in.TraceID() != call.SpanContext().TraceID() {
			t.Errorf("the server got %v, want the span of the second try", in)
		}
		refused := first.Status().Description
		spanstest.Want(t, recorder,
			"GET (client) error.type=*net.OpError http.request.method=GET network.protocol.version=1.1 "+try("a", gone, "0", "")+
				" url.full="+gone.URL+`/cart?a=b Error "`+refused+`"`,
			"rollcall call (internal) "+called+
				"\n- rollcall try error.type=error exception.message="+refused+" "+try("a", gone, "0", " rollcall.outcome=node")+
				"\n- rollcall try "+try("b", server, "1", " rollcall.outcome=ok"),
			"GET (client) http.request.method=GET http.request.resend_count=1 http.response.status_code=200 network.protocol.version=1.1 "+
				try("b", server, "1", "")+" url.full="+server.URL+"/cart?a=b")
	}

	if !failed {
		t.Error("no try of two has failed")
	}

	recorder.Reset()
	alone := resolver(t, provider, "10.0.0.1:80")
	err := alone.Do(t.Context(), "shop", func(ctx context.Context, _ *registry.Node) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodHead, server.URL, nil) // which is not the node
		if err != nil {
			return err
		}
		resp, err := traced.RoundTrip(req)
		if err == nil {
			_ = resp.Body.Close()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	<-got
	if text := spanstest.Text(recorder.Ended()[0]); !strings.HasPrefix(text, "HEAD") || strings.Contains(text, "rollcall") {
		t.Errorf("a request to another host has the span %s", text)
	}

	recorder.Reset()
	get(server.URL + "/broken") // no service: a span of its own, with nothing of ours
	in := <-got
	spans := recorder.Ended()
	if len(spans) != 1 || in.SpanID() != spans[0].SpanContext().SpanID() {
		t.Fatalf("the server got %v, want the span of the request", in)
	}
	spanstest.Want(t, recorder, "GET (client) error.type=503 http.request.method=GET http.response.status_code=503 network.protocol.version=1.1 "+
		"server.address=127.0.0.1 server.port="+port(server)+" url.full="+server.URL+`/broken Error ""`)
}
