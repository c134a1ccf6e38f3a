package registry_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/registry"
	"github.com/rollcall-go/rollcall/registry/embedded"
)

// Register a node, find it by the name of its service, and deregister it.
func Example() {
	server, err := embedded.Start() // or a Redis of yours
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	ctx := context.Background()

	r := registry.NewRegistry(registry.Addrs(server.Addr()))
	defer r.Close(ctx)

	err = r.Register(ctx, &registry.Service{
		Name: "shop", Version: "1.2.0",
		Nodes: []*registry.Node{{Address: "10.0.0.7:8080", Zone: "eu-1a"}},
	})
	if err != nil {
		log.Fatal(err)
	}

	services, err := r.GetService(ctx, "shop")
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range services { // one for each version
		for _, n := range s.Nodes {
			fmt.Println(s.Name, s.Version, n.Address, n.Zone)
		}
	}

	if err := r.Deregister(ctx, &registry.Service{Name: "shop"}); err != nil {
		log.Fatal(err)
	}
	_, err = r.GetService(ctx, "shop")
	fmt.Println(errors.Is(err, registry.ErrNotFound))
	// Output:
	// shop 1.2.0 10.0.0.7:8080 eu-1a
	// true
}

// What lives, in all namespaces.
func ExampleRedis_ListServices() {
	server, err := embedded.Start()
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	ctx := context.Background()

	r := registry.NewRegistry(registry.Addrs(server.Addr()))
	defer r.Close(ctx)
	for _, s := range []*registry.Service{
		{Namespace: "eu", Name: "shop", Version: "1"},
		{Namespace: "eu", Name: "shop", Version: "2"},
		{Namespace: "us", Name: "till"},
	} {
		s.Nodes = []*registry.Node{{ID: "v" + s.Version, Address: "10.0.0.7:8080"}}
		if err := r.Register(ctx, s); err != nil {
			log.Fatal(err)
		}
	}

	services, err := r.ListServices(ctx, registry.ListNamespace("*"))
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range services {
		fmt.Printf("%s/%s %q\n", s.Namespace, s.Name, s.Version)
	}
	// Output:
	// eu/shop "1"
	// eu/shop "2"
	// us/till ""
}

// Watch begins with the nodes that are there, and then brings each change.
func ExampleRedis_Watch() {
	server, err := embedded.Start()
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	ctx := context.Background()

	r := registry.NewRegistry(registry.Addrs(server.Addr()))
	defer r.Close(ctx)
	node := &registry.Node{Address: "10.0.0.7:8080"}
	shop := &registry.Service{Name: "shop", Version: "1", Nodes: []*registry.Node{node}}
	if err := r.Register(ctx, shop); err != nil {
		log.Fatal(err)
	}

	w, err := r.Watch(ctx, registry.WatchService("shop"))
	if err != nil {
		log.Fatal(err)
	}
	defer w.Stop()
	for _, change := range []func() error{
		func() error { return nil },
		func() error { node.Status = registry.Draining; return r.Register(ctx, shop) },
		func() error { return r.Deregister(ctx, shop) },
	} {
		if err := change(); err != nil {
			log.Fatal(err)
		}
		res, err := w.Next()
		if err != nil {
			log.Fatal(err) // ErrWatcherStopped after Stop, ErrClosed after Close
		}
		n := res.Service.Nodes[0] // there is exactly one
		fmt.Println(res.Action, res.Service.Name, res.Service.Version, n.Address, n.Status)
	}
	// Output:
	// create shop 1 10.0.0.7:8080 up
	// update shop 1 10.0.0.7:8080 draining
	// delete shop 1 10.0.0.7:8080 draining
}

// Follow brings the whole service after each change, and shows how far it can be trusted.
func ExampleRedis_Follow() {
	server, err := embedded.Start()
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	ctx := context.Background()

	r := registry.NewRegistry(registry.Addrs(server.Addr()))
	defer r.Close(ctx)

	f, err := r.Follow("shop", registry.FollowNamespace("eu"))
	if err != nil {
		log.Fatal(err)
	}
	defer f.Stop()
	show := func() {
		view, err := f.Next(ctx)
		if err != nil {
			log.Fatal(err)
		}
		if !view.StaleSince.IsZero() {
			fmt.Println("no contact with Redis since", view.StaleSince, "because of", view.Err)
		}
		fmt.Println(len(view.Services), "versions")
		for _, s := range view.Services {
			for _, n := range s.Nodes {
				fmt.Println(s.Name, s.Version, n.Address)
			}
		}
	}
	show()
	err = r.Register(ctx, &registry.Service{
		Name: "shop", Version: "1", Namespace: "eu",
		Nodes: []*registry.Node{{Address: "10.0.0.7:8080"}, {Address: "10.0.0.8:8080"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	show()
	// Output:
	// 0 versions
	// 1 versions
	// shop 1 10.0.0.7:8080
	// shop 1 10.0.0.8:8080
}

// A program that has a client already lends it; Close leaves it open.
func ExampleClient() {
	server, err := embedded.Start()
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	ctx := context.Background()

	client := redis.NewClient(&redis.Options{Addr: server.Addr(), ContextTimeoutEnabled: true})
	defer client.Close()

	r := registry.NewRegistry(registry.Client(client), registry.Prefix("staging"))
	err = r.Register(ctx, &registry.Service{Name: "shop", Nodes: []*registry.Node{{Address: "10.0.0.7:8080"}}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r)
	if err := r.Close(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println(client.Ping(ctx).Val())
	// Output:
	// rollcall on a shared redis client, prefix staging
	// PONG
}

// A program's users choose the registry; embedded needs no server.
func ExampleFlags() {
	flags := flag.NewFlagSet("shop", flag.ExitOnError)
	r := registry.NewRegistry(registry.Flags(flags))
	_ = flags.Parse([]string{"-registry.default=embedded", "-registry.namespace=demo"}) // os.Args[1:]

	ctx := context.Background()
	defer r.Close(ctx)
	if err := r.Init(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Options().Namespace)
	// Output:
	// demo
}
