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

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// An outage longer than the TTL is reported, and ends by itself.
func TestDownLongerThanTTL(t *testing.T) {
	t.Parallel()
	const ttl, interval = 2 * time.Second, 500 * time.Millisecond
	server := redistest.Start(t)
	r := open(t, at(server), registry.TTL(ttl), registry.Interval(interval))
	seen := newStates()
	register(t, r, service("shop", node("a"), node("b")), seen.option())
	seen.next(t, registry.Live)

	down := time.Now()
	server.Kill()
	if err := seen.next(t, registry.Lost); !errors.Is(err, registry.ErrUnavailable) || !strings.Contains(err.Error(), "TTL") {
		t.Errorf("lost because of %v, want ErrUnavailable, and for how long", err)
	}
	t.Logf("lost was reported %v into the outage; the TTL is %v", time.Since(down).Round(time.Millisecond), ttl)
	if _, err := r.GetService(t.Context(), "shop"); !errors.Is(err, registry.ErrUnavailable) {
		t.Errorf("GetService in an outage: %v, want ErrUnavailable", err)
	}

	server.Restart(false)
	within(t, interval+time.Second, "back after the outage", func() error { return showsOnly(t.Context(), r, "shop", "a", "b") })
	if err := seen.next(t, registry.Live); err != nil {
		t.Errorf("live because of %v", err)
	}
	seen.none(t)
}

// With RegisterRetry the first Register succeeds without Redis, and happens when
// Redis comes.
func TestRegisterRetryBeforeRedis(t *testing.T) {
	t.Parallel()
	const timeout, interval = 500 * time.Millisecond, 500 * time.Millisecond
	server := redistest.Start(t)
	server.Kill()
	r := open(t, at(server), registry.Interval(interval), registry.Timeout(timeout))
	if err := r.Init(); !errors.Is(err, registry.ErrUnavailable) {
		t.Errorf("Init without Redis: %v, want ErrUnavailable", err)
	}
	seen := newStates()
	began := time.Now()
	register(t, r, service("shop", node("a")), seen.option(), registry.RegisterRetry())
	bounded(t, began, timeout, "Register without Redis")
	seen.none(t)

	server.Restart(false)
	within(t, interval+time.Second, "registered after Redis came", func() error { return showsOnly(t.Context(), r, "shop", "a") })
	seen.next(t, registry.Live)
}

// A first Register that finds no Redis says so in time, and nothing of it comes
// later; nodes registered before come back.
func TestRegisterWhileDown(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name     string
		down, up func(*redistest.Server)
	}{
		{"killed", (*redistest.Server).Kill, func(s *redistest.Server) { s.Restart(false) }},
		{"paused", (*redistest.Server).Pause, (*redistest.Server).Resume},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			const timeout, interval = 500 * time.Millisecond, 500 * time.Millisecond
			server := redistest.Start(t)
			log := newRounds()
			r := open(t, at(server), registry.Interval(interval), registry.Timeout(timeout), log.option())
			register(t, r, service("old", node("a")))

			tc.down(server)
			began := time.Now()
			err := r.Register(t.Context(), service("new", node("a")))
			bounded(t, began, timeout, "Register")
			if !errors.Is(err, registry.ErrUnavailable) {
				t.Errorf("Register: %v, want ErrUnavailable", err)
			}

			tc.up(server)
			within(t, interval+time.Second, "the node registered before is back", func() error { return showsOnly(t.Context(), r, "old", "a") })
			log.good(t, 3)
			left, err := server.Client().Keys(t.Context(), space(t).Service("default", "new").Node("*")).Result()
			if err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

// A Register whose reply is lost did happen. It is undone once nothing of it can
// arrive any more.
func TestRegisterWithoutReply(t *testing.T) {
	t.Parallel()
	const timeout = time.Second
	server := redistest.Start(t)
	proxy := redistest.StartProxy(t, server.Addr())
	client := dial(t, proxy)
	r := open(t, at(proxy), registry.Client(client), registry.Timeout(timeout), registry.Interval(500*time.Millisecond))
	eventually(t, patience, func() error { return r.Register(t.Context(), service("other", node("a"))) })
	client.AddHook(tap(func(script string) {
		if script == "register" {
			proxy.DropReplies()
		}
	}))

	began := time.Now()
	err := r.Register(t.Context(), service("shop", node("a"), node("b")))
	bounded(t, began, timeout, "Register")
	if !errors.Is(err, registry.ErrUnavailable) {
		t.Fatalf("Register without a reply: %v, want ErrUnavailable", err)
	}
	shop := storedServiceOf(t, server.Client(), "shop")
	if err := shop.indexed("a", "b"); err != nil {
		t.Fatalf("the register was not executed, so nothing is tested: %v", err)
	}
	proxy.Heal()
	within(t, timeout, "undone", func() error {
		return errors.Join(shop.indexed(), showsOnly(t.Context(), r, "shop"))
	})
	if got, want := shop.changes(), []string{"put a", "put b", "del a", "del b"}; !same(got, want) {
		t.Errorf("changes: %v, want %v", got, want)
	}
}

// A caller with all the time in the world has what is unknown undone as soon.
func TestRegisterWithoutReplyOfAPatientCaller(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	proxy := redistest.StartProxy(t, server.Addr())
	client := redis.NewClient(&redis.Options{Addr: proxy.Addr(), ReadTimeout: 200 * time.Millisecond, MaxRetries: -1, DialerRetries: 1, DisableIdentity: true})
	t.Cleanup(func() { _ = client.Close() })
	r := open(t, at(proxy), registry.Client(client), registry.Timeout(time.Second), registry.TTL(time.Hour))
	eventually(t, patience, func() error { return r.Register(t.Context(), service("other", node("a"))) })
	client.AddHook(tap(func(script string) {
		if script == "register" {
			proxy.DropReplies()
		}
	}))
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	shop := storedServiceOf(t, server.Client(), "shop")
	if err := r.Register(ctx, service("shop", node("a"))); !errors.Is(err, registry.ErrUnavailable) {
		t.Fatalf("Register without a reply: %v, want ErrUnavailable", err)
	}
	if err := shop.indexed("a"); err != nil {
		t.Fatalf("the register was not executed, so nothing is tested: %v", err)
	}
	proxy.Heal()
	within(t, time.Second, "undone", func() error { return shop.indexed() })
}

// A registry that asks for a node for itself alone is not refused for its own call,
// whose reply was lost.
func TestRegisterExclusiveAgain(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	proxy := redistest.StartProxy(t, server.Addr())
	client := dial(t, proxy)
	r := open(t, at(proxy), registry.Client(client), registry.TTL(time.Hour), registry.Interval(time.Minute))
	eventually(t, patience, func() error { return r.Register(t.Context(), service("other", node("a"))) })
	var once sync.Once
	client.AddHook(tap(func(script string) {
		if script == "register" {
			once.Do(proxy.DropReplies)
		}
	}))
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := r.Register(ctx, service("shop", node("a")), registry.RegisterExclusive()); !errors.Is(err, registry.ErrUnavailable) {
		t.Fatalf("Register without a reply: %v, want ErrUnavailable", err)
	}
	shop := storedServiceOf(t, server.Client(), "shop")
	if err := shop.indexed("a"); err != nil {
		t.Fatalf("the register was not executed, so nothing is tested: %v", err)
	}
	proxy.Heal()
	register(t, r, service("shop", node("a")), registry.RegisterExclusive())
	if err := shop.indexed("a"); err != nil {
		t.Error(err)
	}
}

// Nothing that comes late of a Register that failed, its own call or its undoing,
// touches an older process under the same ID.
func TestRegisterTooLate(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	proxy := redistest.StartProxy(t, server.Addr())
	old := open(t, at(server), registry.Interval(4*time.Second))
	seen := newStates()
	register(t, old, service("shop", node("a")), seen.option())
	seen.next(t, registry.Live)
	shop := storedServiceOf(t, server.Client(), "shop")
	lease := shop.lease("a")
	_, rev := shop.version()

	client, log := dial(t, proxy), newRounds()
	r := open(t, at(proxy), registry.Client(client), log.option())
	stalled := false
	client.AddHook(tap(func(script string) {
		if script == "register" && !stalled {
			stalled = true
			proxy.Stall()
		}
	}))
	for !stalled { // on a busy machine, time may be up before the script is sent
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		err := r.Register(ctx, service("shop", node("a")))
		cancel()
		if !errors.Is(err, registry.ErrUnavailable) {
			t.Fatalf("Register through a stalled network: %v, want ErrUnavailable", err)
		}
	}
	calls := scriptCalls(t, server)
	proxy.Heal()
	log.good(t, 1)
	eventually(t, patience, func() error {
		if got := scriptCalls(t, server); got < calls+2 {
			return fmt.Errorf("%d scripts came late, want the register and its undoing", got-calls)
		}
		return nil
	})
	if _, got := shop.version(); got != rev || shop.lease("a") != lease {
		t.Errorf("rev %d and lease %s, then %d and %s", rev, lease, got, shop.lease("a"))
	}
	deregister(t, old, service("shop")) // would find a newer lease, if there were one
	seen.next(t, registry.Left)
	if err := shop.indexed(); err != nil {
		t.Error(err)
	}
}
