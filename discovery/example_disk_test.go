package discovery_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/registry"
)

// A process that starts while Redis is away finds what the one before it knew.
func ExampleSnapshotDir() {
	dir, err := os.MkdirTemp("", "rollcall")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()

	known := discovery.Static(&registry.Service{Name: "shop", Nodes: []*registry.Node{{Address: "10.0.0.7:8080"}}})
	before := discovery.New(known, discovery.SnapshotDir(dir), discovery.Preload("shop"))
	if _, err := before.Resolve(ctx, "shop"); err != nil {
		log.Fatal(err)
	}
	before.Close() // writes it

	away := registry.NewRegistry(registry.Addrs("127.0.0.1:1"))
	defer away.Close(ctx)
	r := discovery.New(away, discovery.SnapshotDir(dir))
	defer r.Close()
	view, err := r.Resolve(ctx, "shop")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(view.Nodes()[0].Address)
	fmt.Println("live:", view.Live(), "saved:", !view.Saved().IsZero())
	// Output:
	// 10.0.0.7:8080
	// live: false saved: true
}
