package registry_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"sync/atomic"
	"time"

	"github.com/rollcall-go/rollcall/registry"
	"github.com/rollcall-go/rollcall/registry/embedded"
)

// Two processes want the same ID; the first one that lives keeps it.
func ExampleRegisterExclusive() {
	server, err := embedded.Start()
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	ctx := context.Background()

	first := registry.NewRegistry(registry.Addrs(server.Addr()))
	defer first.Close(ctx)
	second := registry.NewRegistry(registry.Addrs(server.Addr()))
	defer second.Close(ctx)

	shard := func(address string) *registry.Service {
		return &registry.Service{Name: "store", Nodes: []*registry.Node{{ID: "shard-1", Address: address}}}
	}
	fmt.Println(first.Register(ctx, shard("10.0.0.1:80"), registry.RegisterExclusive()))

	err = second.Register(ctx, shard("10.0.0.2:80"), registry.RegisterExclusive())
	fmt.Println(errors.Is(err, registry.ErrConflict))

	first.Close(ctx)
	fmt.Println(second.Register(ctx, shard("10.0.0.2:80"), registry.RegisterExclusive()))
	// Output:
	// <nil>
	// true
	// <nil>
}

// A job that has its own heartbeat renews by registering again.
func ExampleRegisterManual() {
	server, err := embedded.Start()
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	ctx := context.Background()

	r := registry.NewRegistry(registry.Addrs(server.Addr()))
	defer r.Close(ctx)

	job := &registry.Service{Name: "nightly", Nodes: []*registry.Node{{ID: "host-7", Address: "10.0.0.7:9000"}}}
	for step := range 3 {
		// Each step proves that the job lives, for at most another minute.
		err := r.Register(ctx, job, registry.RegisterManual(), registry.RegisterTTL(time.Minute))
		fmt.Println("step", step, err)
	}
	// Output:
	// step 0 <nil>
	// step 1 <nil>
	// step 2 <nil>
}

// A node that cannot do its work is not renewed, runs out, and comes back when it
// can.
func ExampleRegisterCheck() {
	server, err := embedded.Start()
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	ctx := context.Background()

	r := registry.NewRegistry(registry.Addrs(server.Addr()))
	defer r.Close(ctx)

	var diskFull atomic.Bool
	states := make(chan registry.State, 10)
	err = r.Register(ctx, &registry.Service{Name: "shop", Nodes: []*registry.Node{{Address: "10.0.0.7:8080"}}},
		registry.RegisterInterval(100*time.Millisecond),
		registry.RegisterCheck(func(context.Context) error {
			if diskFull.Load() {
				return errors.New("disk full")
			}
			return nil
		}),
		registry.OnState(func(s registry.State, _ error) { states <- s }))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(<-states)
	diskFull.Store(true)
	fmt.Println(<-states)
	diskFull.Store(false)
	fmt.Println(<-states)
	// Output:
	// live
	// withheld
	// live
}

// Another process takes the node over; this one learns of it and stops.
func ExampleOnState() {
	server, err := embedded.Start()
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	ctx := context.Background()

	old := registry.NewRegistry(registry.Addrs(server.Addr()))
	defer old.Close(ctx)
	young := registry.NewRegistry(registry.Addrs(server.Addr()))
	defer young.Close(ctx)

	shop := &registry.Service{Name: "shop", Nodes: []*registry.Node{{ID: "shop-0", Address: "10.0.0.7:8080"}}}
	over := make(chan struct{})
	err = old.Register(ctx, shop, registry.RegisterInterval(100*time.Millisecond),
		registry.OnState(func(s registry.State, cause error) {
			switch s {
			case registry.Live:
				fmt.Println("callers see us")
			case registry.Superseded, registry.Removed:
				fmt.Println("another process took over:", errors.Is(cause, registry.ErrSuperseded))
				close(over)
			}
		}))
	if err != nil {
		log.Fatal(err)
	}
	if err := young.Register(ctx, shop); err != nil {
		log.Fatal(err)
	}
	<-over
	// Output:
	// callers see us
	// another process took over: true
}
