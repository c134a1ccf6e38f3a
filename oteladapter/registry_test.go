package oteladapter_test

import (
	"context"
	"errors"
	"testing"

	"github.com/redis/go-redis/extra/redisotel/v9"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/sdk/trace"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/oteladapter"
	"github.com/rollcall-go/rollcall/oteladapter/internal/spanstest"
	"github.com/rollcall-go/rollcall/registry"
)

// Each call on a real Redis has a span, below that of its caller, and above those of its
// commands to Redis.
func TestRegistryOnRedis(t *testing.T) {
	server := redistest.Start(t)
	provider, recorder := spanstest.Record(t)
	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	t.Cleanup(func() { _ = client.Close() })
	if err := redisotel.InstrumentTracing(client, redisotel.WithTracerProvider(provider)); err != nil {
		t.Fatal(err)
	}
	r := registry.NewRegistry(registry.Client(client), registry.Logger(zerolog.Nop()),
		registry.Trace(oteladapter.Registry(oteladapter.WithTracerProvider(provider))))
	t.Cleanup(func() { _ = r.Close(context.Background()) })
	ctx, parent := provider.Tracer("test").Start(t.Context(), "parent")
	shop := &registry.Service{Name: "shop", Nodes: []*registry.Node{{Address: "10.0.0.1:80"}}}

	for _, c := range []struct {
		op, service string
		call        func() error
	}{
		{"register", " rollcall.service=shop", func() error { return r.Register(ctx, shop) }},
		{"get", " rollcall.service=shop", func() error { _, err := r.GetService(ctx, "shop"); return err }},
		{"list", "", func() error { _, err := r.ListServices(ctx); return err }},
		{"deregister", " rollcall.service=shop", func() error { return r.Deregister(ctx, shop) }},
	} {
		recorder.Reset()
		name := c.op
		if err := c.call(); err != nil {
			t.Fatal(name, err)
		}
		want := "rollcall " + name + " (internal) rollcall.namespace=default" + c.service
		span := named(recorder.Ended(), "rollcall "+name)
		if span == nil || spanstest.Text(span) != want {
			t.Fatalf("%s: %v, want %s", name, span, want)
		}
		if span.Parent().SpanID() != parent.SpanContext().SpanID() {
			t.Errorf("%s is not below the caller's span", name)
		}
		below := 0
		for _, s := range recorder.Ended() {
			if s.Parent().SpanID() == span.SpanContext().SpanID() {
				below++
			}
		}
		if below == 0 {
			t.Errorf("%s has no span of a command to Redis below it", name)
		}
	}

	recorder.Reset()
	err := r.Register(ctx, &registry.Service{Name: "shop"})
	if !errors.Is(err, registry.ErrInvalid) {
		t.Fatal(err)
	}
	spanstest.Want(t, recorder, `rollcall register (internal) error.type=invalid rollcall.namespace=default rollcall.service=shop Error "`+err.Error()+`"`)

	server.Kill()
	if _, err = r.GetService(ctx, "shop"); !errors.Is(err, registry.ErrUnavailable) {
		t.Fatal(err)
	}
	span := named(recorder.Ended(), "rollcall get")
	want := `rollcall get (internal) error.type=unavailable rollcall.namespace=default rollcall.service=shop Error "` + err.Error() + `"`
	if span == nil || spanstest.Text(span) != want {
		t.Errorf("get in an outage: %v, want %s", span, want)
	}
}

// named returns the last span of a name.
func named(all []trace.ReadOnlySpan, name string) (found trace.ReadOnlySpan) {
	for _, s := range all {
		if s.Name() == name {
			found = s
		}
	}
	return found
}
