package registry_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// Deregister and Register while a round of renewals is under way leave the node
// with a renewer.
func TestRegisterDuringRound(t *testing.T) {
	t.Parallel()
	const ttl, interval = time.Second, 300 * time.Millisecond
	server := redistest.Start(t)
	client, log := dial(t, server), newRounds()
	r := open(t, at(server), registry.Client(client), registry.TTL(ttl), registry.Interval(interval), log.option())
	seen := newStates()
	register(t, r, service("shop", node("stays")), registry.RegisterInterval(ttl/2), seen.option())
	seen.next(t, registry.Live)
	register(t, r, service("shop", node("a")))
	var once sync.Once
	var failed error
	client.AddHook(tap(func(script string) {
		if script != "renew" {
			return
		}
		once.Do(func() { // on the renewer's goroutine: its round waits
			failed = errors.Join(
				r.Deregister(t.Context(), service("shop", node("a"))),
				r.Register(t.Context(), service("shop", node("a"))),
			)
		})
	}))
	for began := time.Now(); time.Since(began) < 2*ttl; {
		log.good(t, 1)
	}
	if failed != nil {
		t.Fatal(failed)
	}
	if err := showsOnly(t.Context(), r, "shop", "a", "stays"); err != nil {
		t.Errorf("two TTLs later: %v", err)
	}
	seen.none(t)
}

// The shortest interval is an interval, not a loop.
func TestShortestInterval(t *testing.T) {
	t.Parallel()
	const interval = 50 * time.Millisecond
	server := redistest.Start(t)
	log := newRounds()
	r := open(t, at(server), registry.Interval(interval), log.option())
	register(t, r, service("shop", node("a")))
	began := time.Now()
	log.good(t, 40)
	if took := time.Since(began); took < 40*interval*8/10 {
		t.Errorf("40 rounds took %v, with an interval of %v", took, interval)
	}
}

// A Deregister that overtakes the call which registers leaves nothing of it,
// whether the node had never been there or was lost.
func TestDeregisterOvertakesRegister(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client := dial(t, server)
	r := open(t, at(server), registry.Client(client))
	var armed atomic.Bool
	overtaken := make(chan error, 1)
	client.AddHook(tap(func(script string) {
		if script == "register" && armed.CompareAndSwap(true, false) {
			overtaken <- r.Deregister(t.Context(), service("shop", node("a")))
		}
	}))
	other, shop := service("other", node("a")), storedServiceOf(t, server.Client(), "shop")
	for _, tc := range []struct {
		name     string
		register func()
	}{
		{"first", func() { register(t, r, service("shop", node("a"))) }},
		{"again", func() {
			armed.Store(false)
			register(t, r, service("shop", node("a")))
			armed.Store(true)
			server.Client().Del(t.Context(), shop.Node("a"), shop.Index())
		}},
	} {
		armed.Store(true)
		tc.register()
		select {
		case err := <-overtaken:
			if err != nil {
				t.Fatalf("%s: %v", tc.name, err)
			}
		case <-time.After(patience):
			t.Fatalf("%s: nothing was registered", tc.name)
		}
		register(t, r, other) // comes to Redis after what was overtaken
		eventually(t, patience/10, func() error { return errors.Join(shop.indexed(), showsOnly(t.Context(), r, "shop")) })
	}
}

// Close waits for the caller's own functions no longer than for Redis.
func TestCloseWhileReporting(t *testing.T) {
	t.Parallel()
	const bound = 300 * time.Millisecond
	r := open(t, at(redistest.Start(t)))
	reporting, release := make(chan struct{}), make(chan struct{})
	register(t, r, service("shop", node("a")), registry.OnState(func(s registry.State, _ error) {
		if s == registry.Live {
			close(reporting)
			<-release
		}
	}))
	<-reporting
	ctx, cancel := context.WithTimeout(t.Context(), bound)
	defer cancel()
	began := time.Now()
	err := r.Close(ctx)
	close(release)
	bounded(t, began, bound, "Close")
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Close: %v, want its deadline", err)
	}
}

// A service that is registered again while its Deregister is under way has both
// delivered.
func TestRegisterDuringDeregister(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	proxy := redistest.StartProxy(t, server.Addr())
	client, log := dial(t, proxy), &logBuffer{}
	r := open(t, at(proxy), registry.Client(client), registry.TTL(patience), renewRarely, registry.Logger(zerolog.New(log)))
	register(t, r, service("shop", node("a")))
	var once sync.Once
	var failed error
	client.AddHook(tap(func(script string) {
		if script == "deregister" {
			once.Do(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
				defer cancel()
				failed = r.Register(ctx, service("shop", node("b")), registry.RegisterRetry())
			})
		}
	}))
	proxy.Cut()
	if err := r.Deregister(t.Context(), service("shop")); !errors.Is(err, registry.ErrUnavailable) || failed != nil {
		t.Fatalf("Deregister: %v, want ErrUnavailable; Register: %v", err, failed)
	}
	proxy.Heal()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log:\n%s", log)
		}
	})
	eventually(t, patience/2, func() error { return showsOnly(t.Context(), r, "shop", "b") })
	eventually(t, patience/2, func() error { return storedServiceOf(t, server.Client(), "shop").indexed("b") })
	if strings.Contains(log.String(), "argument") {
		t.Errorf("a call was malformed:\n%s", log)
	}
}

// Whatever comes together, the last call for a node decides, and nothing hangs.
func TestChurn(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	log := newRounds()
	r := open(t, at(server), registry.TTL(3*time.Second), registry.Interval(100*time.Millisecond), log.option())
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	const workers, acts = 8, 60
	ids := []string{"0", "1", "2", "3"}

	churn := func(ctx context.Context, own string) error {
		for range acts {
			var err error
			switch s := service("shop", node(ids[rand.IntN(len(ids))]), node(own)); rand.IntN(6) {
			case 0, 1, 2:
				s.Nodes[0].Weight = rand.IntN(3)
				var opts []registry.RegisterOption
				if rand.IntN(2) == 0 {
					opts = append(opts, registry.RegisterInterval(200*time.Millisecond))
				}
				err = r.Register(ctx, s, opts...)
			case 3, 4:
				err = r.Deregister(ctx, s)
			default:
				_, err = r.GetService(ctx, "shop")
			}
			if err != nil && !errors.Is(err, registry.ErrNotFound) && !errors.Is(err, registry.ErrClosed) {
				return err
			}
		}
		return nil
	}
	storm := func(last func(own string) error) {
		t.Helper()
		var all sync.WaitGroup
		for w := range workers {
			all.Go(func() {
				own := fmt.Sprint("own-", w)
				if err := errors.Join(churn(ctx, own), last(own)); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}

	// Half of the workers leave, half stay.
	var stay []string
	for w := 0; w < workers; w += 2 {
		stay = append(stay, fmt.Sprint("own-", w))
	}
	storm(func(own string) error {
		if (own[len(own)-1]-'0')%2 == 0 {
			return r.Register(ctx, service("shop", node(own)))
		}
		return r.Deregister(ctx, service("shop", node(own)))
	})
	for _, id := range ids {
		deregister(t, r, service("shop", node(id)))
	}
	eventually(t, patience, func() error { return showsOnly(ctx, r, "shop", stay...) })
	for began := time.Now(); time.Since(began) < 4*time.Second; {
		log.good(t, 1)
	}
	if err := showsOnly(ctx, r, "shop", stay...); err != nil {
		t.Errorf("a TTL later: %v", err)
	}
	if got := storedServiceOf(t, server.Client(), "shop").expired(); len(got) > 0 {
		t.Errorf("%v were left to run out", got)
	}

	// Now Close comes in between.
	var closing sync.WaitGroup
	for range 3 {
		closing.Go(func() {
			if err := r.Close(ctx); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
	}
	storm(func(string) error { return nil })
	closing.Wait()
	if err := r.Register(ctx, service("shop", node("a"))); !errors.Is(err, registry.ErrClosed) {
		t.Errorf("Register after Close: %v, want ErrClosed", err)
	}
	reader := open(t, at(server))
	within(t, 3*time.Second, "nothing left after Close", func() error { return showsOnly(ctx, reader, "shop") })
}
