package discovery_test

import (
	"context"
	"fmt"
	"log"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/registry"
)

// fleetOfThree is what the examples call: a source that would be a *registry.Redis in
// a program.
func fleetOfThree() discovery.Source {
	return discovery.Static(
		&registry.Service{Name: "shop", Version: "1", Nodes: []*registry.Node{
			{ID: "a", Address: "10.0.0.1:80", Zone: "eu"},
			{ID: "b", Address: "10.0.0.2:80", Zone: "us", Metadata: map[string]string{"disk": "fast"}},
		}},
		&registry.Service{Name: "shop", Version: "2", Nodes: []*registry.Node{
			{ID: "c", Address: "10.0.0.3:80", Zone: "eu", Status: registry.Draining},
		}},
	)
}

func ExampleResolver_Pick() {
	r := discovery.New(fleetOfThree())
	defer r.Close()
	ctx := context.Background()

	p, err := r.Pick(ctx, "shop", discovery.Version("1"), discovery.Label("disk", "fast"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("call", p.Node().Address)
	p.Done(nil) // how the call went

	_, err = r.Pick(ctx, "shop", discovery.Version("3"))
	fmt.Println(err)
	_, err = r.Pick(ctx, "bakery")
	fmt.Println(err)
	// Output:
	// call 10.0.0.2:80
	// rollcall: pick default/shop: no nodes: 3 nodes, 1 draining: none is left by Version("3")
	// rollcall: pick default/bakery: not found
}

func ExampleResolver_Resolve() {
	r := discovery.New(fleetOfThree())
	defer r.Close()

	v, err := r.Resolve(context.Background(), "shop")
	if err != nil {
		log.Fatal(err)
	}
	for _, n := range v.Nodes() {
		fmt.Println(n.ID, "version", v.ServiceOf(n).Version, n.Status)
	}
	fmt.Println(len(v.Ready()), "ready, live:", v.Live(), "held:", len(v.Held()), "guarded:", len(v.Guarded()))
	// Output:
	// a version 1 up
	// b version 1 up
	// c version 2 draining
	// 2 ready, live: true held: 0 guarded: 0
}

func ExampleResolver_Changes() {
	src := discovery.Static(&registry.Service{Name: "shop", Nodes: []*registry.Node{{Address: "10.0.0.1:80"}}})
	r := discovery.New(src)
	defer r.Close()

	for v := range r.Changes(context.Background(), "shop") {
		fmt.Println(len(v.Nodes()), "nodes")
		if len(v.Nodes()) == 2 {
			break
		}
		err := src.Update(&registry.Service{Name: "shop", Nodes: []*registry.Node{{Address: "10.0.0.1:80"}, {Address: "10.0.0.2:80"}}})
		if err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// 1 nodes
	// 2 nodes
}

func ExampleZone() {
	r := discovery.New(fleetOfThree())
	defer r.Close()

	// One of two nodes in eu can be called: half is enough. None in ap: all serve.
	for _, zone := range []string{"eu", "ap"} {
		v, err := r.Resolve(context.Background(), "shop", discovery.Zone(zone))
		if err != nil {
			log.Fatal(err)
		}
		for _, n := range v.Ready() {
			fmt.Println(zone, n.ID)
		}
	}
	// Output:
	// eu a
	// ap a
	// ap b
}

func ExampleFilter() {
	r := discovery.New(fleetOfThree())
	defer r.Close()

	notB := discovery.Filter(func(n *registry.Node) bool { return n.ID != "b" }) // once, for all calls
	for range 3 {
		p, err := r.Pick(context.Background(), "shop", notB)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(p.Node().ID)
		p.Done(nil)
	}
	// Output:
	// a
	// a
	// a
}

func ExampleWithBalancer() {
	r := discovery.New(fleetOfThree(), discovery.WithBalancer(discovery.RoundRobin()))
	defer r.Close()

	picked := map[string]int{}
	for range 10 {
		p, err := r.Pick(context.Background(), "shop")
		if err != nil {
			log.Fatal(err)
		}
		picked[p.Node().ID]++
		p.Done(nil)
	}
	fmt.Println(picked)
	// Output: map[a:5 b:5]
}

func ExampleMaglev() {
	r := discovery.New(fleetOfThree())
	defer r.Close()

	same := true
	first := ""
	for range 100 { // in every process the same node for the same key
		p, err := r.Pick(context.Background(), "shop", discovery.Maglev(), discovery.HashKey("user 42"))
		if err != nil {
			log.Fatal(err)
		}
		if first == "" {
			first = p.Node().ID
		}
		same = same && p.Node().ID == first
		p.Done(nil)
	}
	fmt.Println(same)
	// Output: true
}

func ExampleRing() {
	r := discovery.New(fleetOfThree())
	defer r.Close()

	// Calls of one key go to one node, until it has more than a quarter over its share.
	picked := map[string]bool{}
	var calls []discovery.Picked
	for range 10 {
		p, err := r.Pick(context.Background(), "shop", discovery.Ring(1.25), discovery.HashKey("user 42"))
		if err != nil {
			log.Fatal(err)
		}
		picked[p.Node().ID] = true
		calls = append(calls, p)
	}
	for _, p := range calls {
		p.Done(nil)
	}
	fmt.Println(len(picked), "nodes share ten calls at once")
	// Output: 2 nodes share ten calls at once
}
