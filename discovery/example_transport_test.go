package discovery_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/registry"
)

// An HTTP client that calls services by their names.
func ExampleTransport() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		fmt.Fprintf(w, "%s of %s", req.URL.Path, req.Host)
	}))
	defer server.Close()
	r := discovery.New(discovery.Static(&registry.Service{
		Name: "shop", Nodes: []*registry.Node{{Address: server.Listener.Addr().String()}},
	}))
	defer r.Close()

	client := &http.Client{Transport: discovery.Transport(r, nil)}
	defer client.CloseIdleConnections()
	resp, err := client.Get("http://shop/carts/7")
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	fmt.Println(string(body), err)
	// Output: /carts/7 of shop <nil>
}

// Each user to a node of their own, and all but our two services to wherever their
// URLs say.
func ExamplePickBy() {
	r := discovery.New(discovery.Static(), discovery.WithBalancer(discovery.Maglev()))
	defer r.Close()

	services := map[string]bool{"shop": true, "users": true}
	client := &http.Client{Transport: discovery.Transport(r, nil,
		discovery.OnlyHosts(func(host string) bool { return services[host] }),
		discovery.PickBy(func(req *http.Request) []discovery.PickOption {
			return []discovery.PickOption{discovery.HashKey(req.Header.Get("User"))}
		}),
	)}
	defer client.CloseIdleConnections()
	_, err := client.Get("http://shop/")
	fmt.Println(err)
	// Output: Get "http://shop/": rollcall: pick default/shop: not found
}

// Any protocol over a connection; here a line of our own.
func ExampleResolver_DialContext() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	defer listener.Close()
	go func() {
		if c, err := listener.Accept(); err == nil {
			fmt.Fprint(c, "hello")
			c.Close()
		}
	}()
	r := discovery.New(discovery.Static(&registry.Service{
		Name: "greeter", Nodes: []*registry.Node{{Address: listener.Addr().String()}},
	}))
	defer r.Close()

	conn, err := r.DialContext(context.Background(), "tcp", "greeter")
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	said, err := io.ReadAll(conn)
	fmt.Println(string(said), err)
	// Output: hello <nil>
}
