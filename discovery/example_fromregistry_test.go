package discovery_test

import (
	"context"
	"fmt"
	"log"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/registry"
	"github.com/rollcall-go/rollcall/registry/embedded"
)

// A registry of one's own, here one that wraps another, as a source.
func ExampleFromRegistry() {
	server, err := embedded.Start() // or a Redis of yours
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	ctx := context.Background()
	inner := registry.NewRegistry(registry.Addrs(server.Addr()))
	defer inner.Close(ctx)

	type logged struct{ registry.Registry } // and methods that write a log
	reg := logged{inner}
	err = reg.Register(ctx, &registry.Service{Name: "shop", Nodes: []*registry.Node{{Address: "10.0.0.7:8080"}}})
	if err != nil {
		log.Fatal(err)
	}

	r := discovery.New(discovery.FromRegistry(reg))
	defer r.Close()
	picked, err := r.Pick(ctx, "shop")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(picked.Node().Address)
	picked.Done(nil)
	// Output:
	// 10.0.0.7:8080
}
