// Command client is a Hertz client that finds its servers in Redis and says who
// answered.
//
//	go run ./example/server
//	go run ./example/client
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"time"

	"github.com/cloudwego/hertz/pkg/app/client"
	"github.com/cloudwego/hertz/pkg/app/middlewares/client/sd"
	"github.com/cloudwego/hertz/pkg/common/config"
	"github.com/cloudwego/hertz/pkg/protocol/consts"
	"github.com/redis/go-redis/v9/logging"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/hertzadapter"
	"github.com/rollcall-go/rollcall/registry"
)

func main() {
	redis := flag.String("redis", registry.DefaultAddress, "host:port of Redis")
	name := flag.String("name", "hello", "service name, in lower case")
	flag.Parse()
	log.SetFlags(0)
	logging.Disable() // go-redis would report each failed dial; the error says it once

	r := registry.NewRegistry(registry.Addrs(*redis))
	live := discovery.New(r)
	err := call(live, *name)
	_ = errors.Join(live.Close(), r.Close(context.Background())) // it registered nothing
	switch {
	case errors.Is(err, registry.ErrUnavailable):
		log.Fatalf("no Redis at %s; start one, or go run ./example/server\n%v", *redis, err)
	case errors.Is(err, registry.ErrNotFound):
		log.Fatalf("no server %q is registered at %s; go run ./example/server\n%v", *name, *redis, err)
	case err != nil:
		log.Fatal(err)
	}
}

// call calls the service a few times by its name.
func call(r *discovery.Resolver, name string) error {
	c, err := client.NewClient()
	if err != nil {
		return err
	}
	c.Use(sd.Discovery(hertzadapter.NewResolver(r)))

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := appear(ctx, r, name); err != nil {
		return err
	}
	for range 5 {
		status, body, err := c.Get(ctx, nil, "http://"+name+"/", config.WithSD(true))
		if err != nil {
			return err
		}
		if status != consts.StatusOK {
			return fmt.Errorf("status %d: %s", status, body)
		}
		fmt.Printf("%s\n", body)
	}
	return nil
}

// appear gives a server that has just been started time to register: Hertz waits
// a second before it does.
func appear(ctx context.Context, r *discovery.Resolver, name string) error {
	for range 10 {
		_, err := r.Resolve(ctx, name)
		if !errors.Is(err, registry.ErrNotFound) {
			return err
		}
		time.Sleep(200 * time.Millisecond)
	}
	return nil // the call will tell
}
