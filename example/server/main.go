// Command server is a Hertz server that registers itself in Redis.
//
//	go run ./example/server
//	go run ./example/server -addr 127.0.0.1:8889
//
// Where no Redis listens, it starts an embedded one there.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"time"

	"github.com/cloudwego/hertz/pkg/app"
	"github.com/cloudwego/hertz/pkg/app/server"
	hertzregistry "github.com/cloudwego/hertz/pkg/app/server/registry"
	"github.com/cloudwego/hertz/pkg/common/utils"
	"github.com/cloudwego/hertz/pkg/protocol/consts"

	"github.com/rollcall-go/rollcall/hertzadapter"
	"github.com/rollcall-go/rollcall/registry"
	"github.com/rollcall-go/rollcall/registry/embedded"
)

func main() {
	redis := flag.String("redis", registry.DefaultAddress, "host:port of Redis")
	addr := flag.String("addr", "127.0.0.1:8888", "host:port to serve on")
	name := flag.String("name", "hello", "service name, in lower case")
	flag.Parse()

	stop, err := redisAt(*redis)
	if err != nil {
		log.Fatal(err)
	}
	defer stop()

	r := registry.NewRegistry(registry.Addrs(*redis))
	h := server.Default(
		server.WithHostPorts(*addr),
		server.WithRegistry(hertzadapter.NewRegistry(r), &hertzregistry.Info{
			ServiceName: *name,
			Addr:        utils.NewNetAddr("tcp", *addr),
		}),
	)
	h.GET("/", func(_ context.Context, c *app.RequestContext) {
		c.String(consts.StatusOK, "hello from %s", *addr)
	})
	h.Spin() // until Ctrl-C; deregisters then

	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	if err := r.Close(ctx); err != nil {
		log.Print(err)
	}
}

// redisAt makes sure that a Redis listens on addr.
func redisAt(addr string) (stop func(), err error) {
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err == nil {
		return func() {}, conn.Close()
	}
	s, startErr := embedded.Start(embedded.Address(addr))
	if startErr != nil {
		return nil, fmt.Errorf("no Redis at %s (%w), and none can be started there: %w", addr, err, startErr)
	}
	log.Printf("no Redis listens on %s: an embedded one was started there, and ends with this program", addr)
	return func() { _ = s.Close() }, nil
}
