package discovery_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/registry"
)

// The first node that is called is broken: the caller sees nothing of it.
func ExampleResolver_Do() {
	shop := &registry.Service{Name: "shop", Nodes: []*registry.Node{{Address: "10.0.0.1:80"}, {Address: "10.0.0.2:80"}}}
	r := discovery.New(discovery.Static(shop))
	defer r.Close()

	calls := 0
	err := r.Do(context.Background(), "shop", func(ctx context.Context, n *registry.Node) error {
		calls++
		if calls == 1 {
			return errors.New("connection refused")
		}
		return nil // called n.Address
	})
	fmt.Println(calls, err)

	// What another node would say too ends it.
	errEmpty := errors.New("the cart is empty")
	err = r.Do(context.Background(), "shop", func(ctx context.Context, n *registry.Node) error {
		return discovery.Permanent(errEmpty)
	})
	fmt.Println(err)
	// Output:
	// 2 <nil>
	// the cart is empty
}

// Tell every node to drop its cache, and see who has not.
func ExampleResolver_Broadcast() {
	shop := &registry.Service{Name: "shop", Nodes: []*registry.Node{{Address: "10.0.0.1:80"}, {Address: "10.0.0.2:80"}}}
	r := discovery.New(discovery.Static(shop))
	defer r.Close()

	outcomes, err := r.Broadcast(context.Background(), "shop", func(ctx context.Context, n *registry.Node) error {
		if n.Address == "10.0.0.2:80" {
			return errors.New("connection refused")
		}
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, o := range outcomes {
		fmt.Println(o.Node.Address, o.Err)
	}
	// Output:
	// 10.0.0.1:80 <nil>
	// 10.0.0.2:80 connection refused
}
