package discovery_test

import (
	"context"
	"fmt"
	"log"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/registry"
)

// A fleet that a configuration file lists, and a new list.
func ExampleStatic() {
	fleet := func(addresses ...string) *registry.Service {
		s := &registry.Service{Name: "shop"}
		for _, a := range addresses {
			s.Nodes = append(s.Nodes, &registry.Node{Address: a})
		}
		return s
	}
	src := discovery.Static(fleet("10.0.0.1:80", "10.0.0.2:80"))
	r := discovery.New(src)
	defer r.Close()

	for view := range r.Changes(context.Background(), "shop") {
		for _, n := range view.Nodes() {
			fmt.Print(n.Address, " ")
		}
		fmt.Println("revision", view.Revision())
		if view.Revision() == 2 {
			break
		}
		if err := src.Update(fleet("10.0.0.3:80")); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// 10.0.0.1:80 10.0.0.2:80 revision 1
	// 10.0.0.3:80 revision 2
}
