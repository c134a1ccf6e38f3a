package oteladapter_test

import (
	"context"
	"fmt"
	"log"

	"github.com/redis/go-redis/extra/redisotel/v9"
	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/oteladapter"
	"github.com/rollcall-go/rollcall/registry"
	"github.com/rollcall-go/rollcall/registry/embedded"
)

// A client of your own has spans for each command to Redis, below those of the calls.
func Example() {
	server, err := embedded.Start() // a program has its Redis
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	spans := tracetest.NewInMemoryExporter() // a program has an exporter, and calls otel.SetTracerProvider
	provider := trace.NewTracerProvider(trace.WithSyncer(spans))
	ctx := context.Background()
	defer provider.Shutdown(ctx)

	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	defer client.Close()
	err = redisotel.InstrumentTracing(client, redisotel.WithTracerProvider(provider), redisotel.WithDBStatement(false))
	if err != nil {
		log.Fatal(err)
	}
	traced := oteladapter.WithTracerProvider(provider)
	r := registry.NewRegistry(registry.Client(client), registry.Trace(oteladapter.Registry(traced)))
	defer r.Close(ctx)
	d := discovery.New(r, discovery.Trace(oteladapter.Discovery(traced)))
	defer d.Close()

	err = r.Register(ctx, &registry.Service{Name: "shop", Nodes: []*registry.Node{{Address: "10.0.0.1:8080"}}})
	if err != nil {
		log.Fatal(err)
	}
	err = d.Do(ctx, "shop", func(context.Context, *registry.Node) error { return nil })
	if err != nil {
		log.Fatal(err)
	}

	var register tracetest.SpanStub
	for _, s := range spans.GetSpans() {
		switch s.Name {
		case "rollcall register":
			register = s
			fmt.Println(s.Name)
		case "rollcall call":
			fmt.Println(s.Name, len(s.Events), s.Events[0].Name)
		}
	}
	commands := 0
	for _, s := range spans.GetSpans() {
		if s.Parent.SpanID() == register.SpanContext.SpanID() {
			commands++
		}
	}
	fmt.Println("with commands to Redis:", commands > 0)
	// Output:
	// rollcall register
	// rollcall call 1 rollcall try
	// with commands to Redis: true
}
