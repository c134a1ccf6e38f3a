package registry_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// Deregister does not wait for Redis longer than its context. Renewal ends at
// once, and Redis gets it when it is back.
func TestDeregisterWhileDown(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name     string
		down, up func(*redistest.Server, *redistest.Proxy)
	}{
		{
			"cut off",
			func(_ *redistest.Server, p *redistest.Proxy) { p.Cut() },
			func(_ *redistest.Server, p *redistest.Proxy) { p.Heal() },
		},
		{
			"paused",
			func(s *redistest.Server, _ *redistest.Proxy) { s.Pause() },
			func(s *redistest.Server, _ *redistest.Proxy) { s.Resume() },
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			const bound, interval = 300 * time.Millisecond, 2 * time.Second
			server := redistest.Start(t)
			proxy := redistest.StartProxy(t, server.Addr())
			log := newRounds()
			r := open(t, at(proxy), registry.TTL(patience), registry.Interval(interval), log.option())
			seen := newStates()
			register(t, r, service("shop", node("a"), node("b")), seen.option())
			seen.next(t, registry.Live)

			tc.down(server, proxy)
			ctx, cancel := context.WithTimeout(t.Context(), bound)
			defer cancel()
			began := time.Now()
			err := r.Deregister(ctx, service("shop"))
			bounded(t, began, bound, "Deregister")
			if !errors.Is(err, registry.ErrUnavailable) {
				t.Errorf("Deregister: %v, want ErrUnavailable", err)
			}
			seen.next(t, registry.Left)
			log.bad(t, 2)

			tc.up(server, proxy)
			shop := storedServiceOf(t, server.Client(), "shop")
			within(t, interval+time.Second, "node deregistered", func() error {
				return errors.Join(shop.indexed(), showsOnly(t.Context(), r, "shop"))
			})
			if got, want := shop.changes(), []string{"put a", "put b", "del a", "del b"}; !same(got, want) {
				t.Errorf("changes: %v, want %v", got, want)
			}
			if holder := server.Client().HGet(t.Context(), shop.Node("a"), "lease").Val(); !strings.HasSuffix(holder, " self") {
				t.Errorf("the tombstone holds %q, want that the node itself ended its lease", holder)
			}
			seen.none(t)
		})
	}
}

// Close does not wait for Redis longer than its context, and leaves nothing
// running and no connection open.
func TestCloseWhileDown(t *testing.T) {
	for _, tc := range []struct {
		name     string
		proxied  bool
		down, up func(*redistest.Server, *redistest.Proxy)
	}{
		{
			"killed", false,
			func(s *redistest.Server, _ *redistest.Proxy) { s.Kill() },
			nil,
		},
		{
			"paused", false,
			func(s *redistest.Server, _ *redistest.Proxy) { s.Pause() },
			func(s *redistest.Server, _ *redistest.Proxy) { s.Resume() },
		},
		{
			"stalled", true,
			func(_ *redistest.Server, p *redistest.Proxy) { p.Stall() },
			func(_ *redistest.Server, p *redistest.Proxy) { p.Heal() },
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			const bound = 500 * time.Millisecond
			server := redistest.Start(t)
			proxy := redistest.StartProxy(t, server.Addr())
			to := at(server)
			if tc.proxied {
				to = at(proxy)
			}
			running := goleak.IgnoreCurrent()
			log := newRounds()
			r := open(t, to, registry.TTL(3*time.Second), registry.Interval(time.Second), log.option())
			register(t, r, service("shop", node("a")))

			tc.down(server, proxy)
			log.bad(t, 1)
			ctx, cancel := context.WithTimeout(t.Context(), bound)
			defer cancel()
			began := time.Now()
			err := r.Close(ctx)
			bounded(t, began, bound, "Close")
			if !errors.Is(err, registry.ErrUnavailable) {
				t.Errorf("Close: %v, want ErrUnavailable", err)
			}
			if err := r.Register(t.Context(), service("shop", node("a"))); !errors.Is(err, registry.ErrClosed) {
				t.Errorf("Register after Close: %v, want ErrClosed", err)
			}
			if tc.up != nil {
				tc.up(server, proxy)
				eventually(t, patience, func() error { return connections(t.Context(), server.Client(), 1) })
			}
			eventually(t, patience, func() error {
				return goleak.Find(running, goleak.IgnoreTopFunction("github.com/Shopify/toxiproxy/v2.(*Proxy).freeBlocker"))
			})
		})
	}
}

// Close removes the nodes that an earlier Deregister could not.
func TestCloseFinishesADeregister(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	proxy := redistest.StartProxy(t, server.Addr())
	log := newRounds()
	r := open(t, at(proxy), registry.Client(dial(t, proxy)), registry.TTL(time.Hour), registry.Interval(time.Minute), log.option())
	register(t, r, service("shop", node("a")))
	proxy.Cut()
	if err := r.Deregister(t.Context(), service("shop")); !errors.Is(err, registry.ErrUnavailable) {
		t.Fatalf("Deregister: %v, want ErrUnavailable", err)
	}
	log.bad(t, 5) // until it is tried again, seconds pass
	proxy.Heal()
	if err := r.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := storedServiceOf(t, server.Client(), "shop").indexed(); err != nil {
		t.Errorf("after Close: %v", err)
	}
}

// Close waits for a Register that is under way, and takes back what it did.
func TestCloseDuringRegister(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client := dial(t, server)
	r := open(t, at(server), registry.Client(client), registry.TTL(time.Hour), registry.Interval(time.Minute))
	register(t, r, service("other", node("a"))) // Redis knows the script
	closed := make(chan error, 1)
	var once sync.Once
	client.AddHook(tap(func(script string) {
		if script == "register" {
			once.Do(func() {
				go func() { closed <- r.Close(t.Context()) }()
				eventually(t, patience, func() error { // Close has begun
					if _, err := r.Client(); !errors.Is(err, registry.ErrClosed) {
						return fmt.Errorf("not closed: %w", err)
					}
					return nil
				})
			})
		}
	}))
	if err := r.Register(t.Context(), service("shop", node("a"))); err != nil {
		t.Errorf("Register: %v", err)
	}
	if err := <-closed; err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := storedServiceOf(t, server.Client(), "shop").indexed(); err != nil {
		t.Errorf("after Close: %v", err)
	}
}

// connections returns nil once a server has this many clients.
func connections(ctx context.Context, c *redis.Client, want int) error {
	clients := c.InfoMap(ctx, "clients")
	if got := clients.Item("Clients", "connected_clients"); got != fmt.Sprint(want) {
		return fmt.Errorf("%s clients (%v), want %d", got, clients.Err(), want)
	}
	return nil
}
