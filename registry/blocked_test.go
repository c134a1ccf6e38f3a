package registry_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// TestWhatBlocksStopsNoOther: a logger, an observer or an OnState that does not return
// keeps no registry from renewing, registering, reaping, watching and reading.
func TestWhatBlocksStopsNoOther(t *testing.T) {
	t.Parallel()
	for _, blocked := range []string{"logger", "observer", "OnState"} {
		t.Run(blocked, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			release := make(chan struct{})
			var opts []registry.Option
			var registerOpts []registry.RegisterOption
			switch blocked {
			case "logger":
				opts = append(opts, registry.Logger(zerolog.New(blockedWriter(release))))
			case "observer":
				opts = append(opts, registry.Observe(func(registry.Event) { <-release }))
			case "OnState":
				registerOpts = append(registerOpts, registry.OnState(func(registry.State, error) { <-release }))
			}
			r := open(t, at(server), append(opts, registry.PollInterval(500*time.Millisecond))...)
			defer close(release)
			register(t, r, service("shop", node("a")), registerOpts...)
			// Its check fails, which is logged, and it stays in the background.
			register(t, r, service("desk", node("a")), registry.RegisterRetry(),
				registry.RegisterCheck(func(context.Context) error { return errSick }))
			watcher := watch(t, r, registry.WatchService("shop"))
			watcher.expect("create /a")

			other := open(t, at(server))
			shop, b := storedServiceOf(t, server.Client(), "shop"), behind(t, at(server), "shop")
			for i := range 2 {
				ranOut, stays := node(fmt.Sprintf("out%d", i)), node(fmt.Sprintf("in%d", i))
				register(t, other, service("shop", ranOut), registry.RegisterManual(), registry.RegisterTTL(time.Second))
				register(t, r, service("shop", stays), registerOpts...)
				watcher.expectAll("create /"+ranOut.ID, "create /"+stays.ID, "delete /"+ranOut.ID)
				eventually(t, patience, func() error {
					if got := len(shop.expired()); got != i+1 {
						return fmt.Errorf("%d nodes reaped, want %d", got, i+1)
					}
					return nil
				})
				b.extended("a", b.end("a"))
				// What a subscription says when it ends must not hold up the hub.
				if err := server.Client().ClientKillByFilter(t.Context(), "TYPE", "pubsub").Err(); err != nil {
					t.Fatal(err)
				}
			}
			deregister(t, r, service("shop", node("a")))
			watcher.expect("delete /a")
			if _, err := r.GetService(t.Context(), "shop"); err != nil {
				t.Error(err)
			}
		})
	}
}
