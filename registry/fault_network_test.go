package registry_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// A network that takes calls and gives no answers costs rounds of renewal, and no
// lease that it does not outlast.
func TestSilentNetwork(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		fault func(*redistest.Proxy)
	}{
		{"half-open", (*redistest.Proxy).Stall},
		{"replies lost", (*redistest.Proxy).DropReplies},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			const ttl, interval = 10 * time.Second, time.Second
			server := redistest.Start(t)
			proxy := redistest.StartProxy(t, server.Addr())
			log := newRounds()
			r := open(t, at(proxy), registry.TTL(ttl), registry.Interval(interval), log.option())
			seen := newStates()
			register(t, r, service("shop", node("a"), node("b")), seen.option())
			seen.next(t, registry.Live)
			shop := storedServiceOf(t, server.Client(), "shop")
			lease := shop.lease("a")

			tc.fault(proxy)
			log.bad(t, 2)
			proxy.Heal()
			log.good(t, 2)
			seen.none(t)
			if diff := cmp.Diff([]string{"put a", "put b"}, shop.changes()); diff != "" || shop.lease("a") != lease {
				t.Errorf("after a short silence: lease %s, then %s; changes (-want +got):\n%s", lease, shop.lease("a"), diff)
			}

			tc.fault(proxy)
			seen.next(t, registry.Lost)
			proxy.Heal()
			within(t, interval+time.Second, "back after a long silence", func() error {
				return showsOnly(t.Context(), r, "shop", "a", "b")
			})
			seen.next(t, registry.Live)
			log.good(t, 2)
			most := []string{"put a", "put b", "put a", "put b"} // fewer, where calls arrived all the while
			if got := shop.changes(); !slices.Equal(got, most[:min(len(got), len(most))]) || shop.lease("a") != lease {
				t.Errorf("after a long silence: lease %s, then %s; changes %v, want at most %v", lease, shop.lease("a"), got, most)
			}
			seen.none(t)
		})
	}
}

// A lossy hook sends every script four times and loses the replies, as go-redis
// does on open connections: while it is on.
type lossy struct{ atomic.Bool }

func (*lossy) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (*lossy) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (l *lossy) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if !l.Load() || scriptOf(cmds[0]) == "" {
			return next(ctx, cmds)
		}
		for range 4 {
			_ = next(ctx, cmds)
		}
		for _, cmd := range cmds {
			cmd.SetErr(os.ErrDeadlineExceeded)
		}
		return os.ErrDeadlineExceeded
	}
}

// Calls that are executed again and again, and never answered, are counted once
// each, and keep the leases.
func TestCallsRepeated(t *testing.T) {
	t.Parallel()
	const ttl, interval = 2 * time.Second, 500 * time.Millisecond
	server := redistest.Start(t)
	client, loss, log := dial(t, server), &lossy{}, newRounds()
	client.AddHook(loss)
	r := open(t, at(server), registry.Client(client), registry.TTL(ttl), registry.Interval(interval), log.option())
	seen := newStates()
	register(t, r, service("shop", node("a"), node("b")), seen.option())
	seen.next(t, registry.Live)
	other := service("other", node("a"))
	register(t, r, other)
	deregister(t, r, other)
	log.good(t, 1) // Redis knows all the scripts now
	shop := storedServiceOf(t, server.Client(), "shop")
	lease := shop.lease("a")

	loss.Store(true)
	changed := node("a")
	changed.Zone = "north"
	if err := r.Register(t.Context(), service("shop", changed)); !errors.Is(err, registry.ErrUnavailable) {
		t.Errorf("Register without a reply: %v, want ErrUnavailable", err)
	}
	seen.next(t, registry.Lost) // for all that we know
	if err := showsOnly(t.Context(), r, "shop", "a", "b"); err != nil {
		t.Errorf("renewals arrived, and yet: %v", err)
	}
	loss.Store(false)
	seen.next(t, registry.Live)
	log.good(t, 2)
	if diff := cmp.Diff([]string{"put a", "put b", "put a"}, shop.changes()); diff != "" || shop.lease("a") != lease {
		t.Errorf("lease %s, then %s; changes (-want +got):\n%s", lease, shop.lease("a"), diff)
	}

	loss.Store(true)
	if err := r.Deregister(t.Context(), service("shop")); !errors.Is(err, registry.ErrUnavailable) {
		t.Errorf("Deregister without a reply: %v, want ErrUnavailable", err)
	}
	log.bad(t, 2) // Deregister is tried again
	loss.Store(false)
	log.good(t, 1)
	if got := len(shop.changes()); got != 5 {
		t.Errorf("%v: want a del for each node and no more", shop.changes())
	}
}
