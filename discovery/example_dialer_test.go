package discovery_test

import (
	"context"
	"fmt"
	"io"
	"net"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/registry"
)

// A client of any protocol on a connection: its dialer picks a node of version 2.
func ExampleResolver_Dialer() {
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer server.Close()
	go func() {
		c, err := server.Accept()
		if err == nil {
			_, _ = io.WriteString(c, "hello from version 2")
			_ = c.Close()
		}
	}()
	nodes := discovery.New(discovery.Static(
		&registry.Service{Name: "cache", Version: "1", Nodes: []*registry.Node{{Address: "10.0.0.1:6379"}}},
		&registry.Service{Name: "cache", Version: "2", Nodes: []*registry.Node{{Address: server.Addr().String()}}},
	))
	defer nodes.Close()

	dial := nodes.Dialer(discovery.Version("2"))
	c, err := dial(context.Background(), "tcp", "cache:6379")
	if err != nil {
		panic(err)
	}
	defer c.Close()
	answer, err := io.ReadAll(c)
	fmt.Println(string(answer), err)
	// Output: hello from version 2 <nil>
}
