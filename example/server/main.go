// Command server is a Hertz server that registers itself in Redis.
//
//	go run ./example/server
//	go run ./example/server -addr 127.0.0.1:8889
//	go run ./example/server -redis rediss://:secret@redis.internal:6380/0 -ca ca.pem
//	go run ./example/server -redis 10.0.0.1:26379,10.0.0.2:26379 -master main
//	go run ./example/server -redis 10.0.0.1:7000,10.0.0.2:7000 -cluster
//
// Where no single Redis listens, it starts an embedded one there.
//
// SIGTERM and Ctrl-C end it without a failed request: it drains first, so that
// clients turn to others while it still serves, then deregisters, and answers what it
// has in hand.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"time"

	"github.com/cloudwego/hertz/pkg/app"
	"github.com/cloudwego/hertz/pkg/app/server"
	hertzregistry "github.com/cloudwego/hertz/pkg/app/server/registry"
	"github.com/cloudwego/hertz/pkg/common/utils"
	"github.com/cloudwego/hertz/pkg/protocol/consts"
	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/example/internal/at"
	"github.com/rollcall-go/rollcall/hertzadapter"
	"github.com/rollcall-go/rollcall/registry"
	"github.com/rollcall-go/rollcall/registry/embedded"
)

func main() {
	redis := at.Flags(flag.CommandLine)
	addr := flag.String("addr", "127.0.0.1:8888", "host:port to serve on")
	name := flag.String("name", "hello", "service name, in lower case")
	drain := flag.Duration("drain", 300*time.Millisecond, "how long to serve after the node is marked as draining")
	flag.Parse()
	opts, err := redis.Options()
	if err != nil {
		log.Fatal(err)
	}

	if single := redis.Single(); single != "" {
		stop, err := redisAt(single)
		if err != nil {
			log.Fatal(err)
		}
		defer stop()
	}

	logger := zerolog.New(zerolog.ConsoleWriter{Out: os.Stderr, NoColor: true, TimeFormat: time.DateTime}).With().Timestamp().Logger()
	r := registry.NewRegistry(append(opts, registry.Logger(logger.Level(zerolog.WarnLevel)))...)
	h := server.Default(
		server.WithHostPorts(*addr),
		server.WithRegistry(hertzadapter.NewRegistry(r, hertzadapter.WithDrain(*drain), hertzadapter.WithLogger(logger)), &hertzregistry.Info{
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
