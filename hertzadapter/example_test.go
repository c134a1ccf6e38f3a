package hertzadapter_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"

	"github.com/cloudwego/hertz/pkg/app"
	"github.com/cloudwego/hertz/pkg/app/client"
	hertzdiscovery "github.com/cloudwego/hertz/pkg/app/client/discovery"
	"github.com/cloudwego/hertz/pkg/app/server"
	hertzregistry "github.com/cloudwego/hertz/pkg/app/server/registry"
	"github.com/cloudwego/hertz/pkg/common/config"
	"github.com/cloudwego/hertz/pkg/common/utils"
	"github.com/cloudwego/hertz/pkg/protocol"
	"github.com/cloudwego/hertz/pkg/protocol/consts"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/hertzadapter"
	"github.com/rollcall-go/rollcall/registry"
	"github.com/rollcall-go/rollcall/registry/embedded"
)

// A Hertz server that registers itself, and a Hertz client that finds it.
func Example() {
	redis, err := embedded.Start() // in production, the Redis that you have
	if err != nil {
		log.Fatal(err)
	}
	defer redis.Close()
	r := registry.NewRegistry(registry.Addrs(redis.Addr()))
	defer r.Close(context.Background())

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	registered, stop := make(chan struct{}), make(chan struct{})
	h := server.New(
		server.WithListener(listener),
		server.WithRegistry(notify{hertzadapter.NewRegistry(r), registered}, &hertzregistry.Info{
			ServiceName: "shop",
			Addr:        listener.Addr(),
			Tags:        map[string]string{"version": "v2"},
		}),
	)
	h.GET("/ping", func(_ context.Context, c *app.RequestContext) { c.String(consts.StatusOK, "pong") })
	h.SetCustomSignalWaiter(func(chan error) error { <-stop; return nil }) // a program waits for SIGTERM
	stopped := make(chan struct{})
	go func() { h.Spin(); close(stopped) }()
	<-registered

	cli, err := client.NewClient()
	if err != nil {
		log.Fatal(err)
	}
	live := discovery.New(r)
	defer live.Close()
	cli.Use(hertzadapter.Discovery(live)) // or sd.Discovery(hertzadapter.NewResolver(live))
	_, body, err := cli.Get(context.Background(), nil, "http://shop/ping", config.WithSD(true), config.WithTag("version", "v2"))
	fmt.Println(string(body), err)

	cli.CloseIdleConnections()
	close(stop)
	<-stopped
	// Output: pong <nil>
}

func ExampleDiscovery() {
	// In a program it comes from discovery.New(registry); here the nodes do not matter.
	nodes := discovery.New(discovery.Static(&registry.Service{Name: "shop", Nodes: []*registry.Node{
		{Address: "10.0.0.1:80"}, {Address: "10.0.0.2:80"}, {Address: "10.0.0.3:80"},
	}}))
	defer nodes.Close()
	cli, err := client.NewClient()
	if err != nil {
		log.Fatal(err)
	}
	// One user's requests go to one node.
	cli.Use(hertzadapter.Discovery(nodes, hertzadapter.WithBalancer(discovery.Maglev()),
		hertzadapter.WithHashKey(func(_ context.Context, req *protocol.Request) string {
			return string(req.Header.Peek("X-User"))
		})))
	seen := map[string]bool{}
	cli.Use(func(client.Endpoint) client.Endpoint { // in the place of the network
		return func(_ context.Context, req *protocol.Request, _ *protocol.Response) error {
			seen[string(req.Host())] = true
			return nil
		}
	})
	for range 10 {
		_, _, err := cli.Get(context.Background(), nil, "http://shop/cart", config.WithSD(true), config.WithTag("version", ""))
		if err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(len(seen), "node")
	// Output: 1 node
}

func ExampleWithAddresses() {
	cli, err := client.NewClient()
	if err != nil {
		log.Fatal(err)
	}
	// In a test of a client: no registry, and the service is where the test says.
	cli.Use(hertzadapter.Discovery(nil, hertzadapter.WithAddresses("shop", "127.0.0.1:8888")))
	cli.Use(func(client.Endpoint) client.Endpoint { // in the place of the network
		return func(_ context.Context, req *protocol.Request, _ *protocol.Response) error {
			fmt.Printf("%s to %s\n", req.Path(), req.Host())
			return nil
		}
	})
	_, _, err = cli.Get(context.Background(), nil, "http://shop/cart", config.WithSD(true))
	fmt.Println(err)
	// Output:
	// /cart to 127.0.0.1:8888
	// <nil>
}

// notify closes registered once Hertz has registered the server, a second after
// its start.
type notify struct {
	hertzregistry.Registry
	registered chan struct{}
}

func (n notify) Register(info *hertzregistry.Info) error {
	defer close(n.registered)
	return n.Registry.Register(info)
}

func ExampleNewRegistry() {
	redis, err := embedded.Start()
	if err != nil {
		log.Fatal(err)
	}
	defer redis.Close()
	r := registry.NewRegistry(registry.Addrs(redis.Addr()))
	defer r.Close(context.Background())

	// Hertz makes these two calls, a second after the start and at the shutdown.
	a := hertzadapter.NewRegistry(r)
	info := &hertzregistry.Info{ServiceName: "shop", Addr: utils.NewNetAddr("tcp", "10.0.0.1:8888")}
	fmt.Println(a.Register(info))
	fmt.Println(a.Deregister(info))

	fmt.Println(a.Register(&hertzregistry.Info{ServiceName: "shop", Addr: utils.NewNetAddr("tcp", "10.0.0.1:0")}))
	// Output:
	// <nil>
	// <nil>
	// hertzadapter: Info.Addr: invalid: Address: "10.0.0.1:0" has port 0: listen first, and give the port that the listener got; WithAdvertise replaces it
}

func ExampleNewResolver() {
	redis, err := embedded.Start()
	if err != nil {
		log.Fatal(err)
	}
	defer redis.Close()
	r := registry.NewRegistry(registry.Addrs(redis.Addr()))
	defer r.Close(context.Background())
	ctx := context.Background()
	err = r.Register(ctx, &registry.Service{Name: "shop", Version: "v2", Nodes: []*registry.Node{
		{Address: "10.0.0.1:80", Zone: "eu", Weight: 30},
		{Address: "10.0.0.2:80", Zone: "us"},
	}})
	if err != nil {
		log.Fatal(err)
	}

	// Hertz makes these two calls for a request with config.WithTag("zone", "eu").
	live := discovery.New(r)
	defer live.Close()
	v := hertzadapter.NewResolver(live)
	desc := v.Target(ctx, &hertzdiscovery.TargetInfo{Host: "shop", Tags: map[string]string{"zone": "eu"}})
	res, err := v.Resolve(ctx, desc)
	if err != nil {
		log.Fatal(err)
	}
	for _, in := range res.Instances {
		version, _ := in.Tag("version")
		fmt.Println(in.Address(), in.Weight(), version)
	}
	// Output: 10.0.0.1:80 30 v2
}

func ExampleNewRedisRegistry() {
	redis, err := embedded.Start()
	if err != nil {
		log.Fatal(err)
	}
	defer redis.Close()

	// The constructors of the community package, for a program that moves.
	a := hertzadapter.NewRedisRegistry(redis.Addr(), hertzadapter.WithExpireTime(60), hertzadapter.WithRefreshInterval(20))
	v := hertzadapter.NewRedisResolver(redis.Addr())
	defer v.(io.Closer).Close() // a program leaves it open

	info := &hertzregistry.Info{ServiceName: "shop", Addr: utils.NewNetAddr("tcp", "10.0.0.1:8888")}
	if err := a.Register(info); err != nil {
		log.Fatal(err)
	}
	res, err := v.Resolve(context.Background(), "shop")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(res.Instances[0].Address())
	fmt.Println(a.Deregister(info))
	// Output:
	// 10.0.0.1:8888
	// <nil>
}
