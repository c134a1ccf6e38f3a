// Command client finds the servers of a service by its name and calls them.
//
//	go run ./example/client
//	go run ./example/client -every 10ms
//
// With -every it calls until Ctrl-C, and says each second who answered: start servers,
// stop them, kill them meanwhile. -redis and its fellows are those of the server.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"github.com/cloudwego/hertz/pkg/app/client"
	"github.com/cloudwego/hertz/pkg/common/config"
	"github.com/cloudwego/hertz/pkg/protocol/consts"
	"github.com/redis/go-redis/v9/logging"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/example/internal/at"
	"github.com/rollcall-go/rollcall/hertzadapter"
	"github.com/rollcall-go/rollcall/registry"
)

func main() {
	redis := at.Flags(flag.CommandLine)
	name := flag.String("name", "hello", "service name, in lower case")
	every := flag.Duration("every", 0, "call at this interval until Ctrl-C; 0 calls a few times")
	flag.Parse()
	log.SetFlags(0)
	logging.Disable() // go-redis writes a line for each master that sentinels name
	opts, err := redis.Options()
	if err != nil {
		log.Fatal(err)
	}

	r := registry.NewRegistry(opts...)
	nodes := discovery.New(r)
	err = run(nodes, *name, *every)
	_ = errors.Join(nodes.Close(), r.Close(context.Background())) // nothing was registered
	switch {
	case errors.Is(err, registry.ErrUnavailable):
		log.Fatalf("no Redis answers %s; start one, or go run ./example/server\n%v", r, err)
	case errors.Is(err, registry.ErrNotFound):
		log.Fatalf("no server %q is registered at %s; go run ./example/server\n%v", *name, r, err)
	case err != nil:
		log.Fatal(err)
	}
}

// run calls the service by its name.
func run(nodes *discovery.Resolver, name string, every time.Duration) error {
	c, err := client.NewClient()
	if err != nil {
		return err
	}
	c.Use(hertzadapter.Discovery(nodes))
	call := func() (string, error) {
		status, body, err := c.Get(context.Background(), nil, "http://"+name+"/", config.WithSD(true))
		if err == nil && status != consts.StatusOK {
			err = fmt.Errorf("status %d: %s", status, body)
		}
		return string(body), err
	}
	if err := appear(nodes, name); err != nil {
		return err
	}
	if every > 0 {
		return steadily(call, every)
	}
	for range 5 {
		body, err := call()
		if err != nil {
			return err
		}
		fmt.Println(body)
	}
	return nil
}

// steadily calls until Ctrl-C.
func steadily(call func() (string, error), every time.Duration) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	calls, report := time.NewTicker(every), time.NewTicker(time.Second)
	defer calls.Stop()
	defer report.Stop()
	answers := map[string]int{}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-calls.C:
			body, err := call()
			if err != nil {
				body = "failed: " + err.Error()
			}
			answers[body]++
		case <-report.C:
			var all []string
			for _, body := range slices.Sorted(maps.Keys(answers)) {
				all = append(all, fmt.Sprintf("%d x %s", answers[body], body))
			}
			fmt.Println(strings.Join(all, ", "))
			clear(answers)
		}
	}
}

// appear gives a server that has just been started time to register: Hertz waits a
// second before it does.
func appear(nodes *discovery.Resolver, name string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	if _, err := nodes.Resolve(ctx, name); !errors.Is(err, registry.ErrNotFound) {
		return err
	}
	for v := range nodes.Changes(ctx, name) {
		if len(v.Nodes()) > 0 {
			return nil
		}
	}
	return nil // the call will show
}
