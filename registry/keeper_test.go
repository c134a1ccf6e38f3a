package registry_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// Deregister and Register while a round of renewals is under way leave the node
// with a keeper.
func TestRegisterDuringRound(t *testing.T) {
	t.Parallel()
	const ttl, interval = time.Second, 300 * time.Millisecond
	server := redistest.Start(t)
	client, log := dial(t, server), newRounds()
	r := open(t, at(server), registry.Client(client), registry.TTL(ttl), registry.Interval(interval), log.option())
	register(t, r, service("shop", node("stays")), registry.RegisterInterval(ttl/2))
	register(t, r, service("shop", node("a")))
	var once sync.Once
	var failed error
	client.AddHook(tap(func(script string) {
		if script != "renew" {
			return
		}
		once.Do(func() { // on the keeper's goroutine: its round waits
			failed = errors.Join(
				r.Deregister(t.Context(), service("shop", node("a"))),
				r.Register(t.Context(), service("shop", node("a"))),
			)
		})
	}))
	seen := newStates()
	for began := time.Now(); time.Since(began) < 2*ttl; {
		log.good(t, 1)
	}
	if failed != nil {
		t.Fatal(failed)
	}
	if err := stands(t.Context(), r, "shop", "a", "stays"); err != nil {
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

// A Deregister that overtakes a Register leaves nothing of it.
func TestDeregisterOvertakesRegister(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client := dial(t, server)
	r := open(t, at(server), registry.Client(client))
	register(t, r, service("shop", node("b")))
	var once sync.Once
	var failed error
	client.AddHook(tap(func(script string) {
		if script == "register" {
			once.Do(func() { failed = r.Deregister(t.Context(), service("shop", node("a"))) })
		}
	}))
	err := r.Register(t.Context(), service("shop", node("a")))
	if failed != nil {
		t.Fatal(failed)
	}
	t.Logf("the Register that was overtaken returned %v", err)
	eventually(t, patience/10, func() error { return stands(t.Context(), r, "shop", "b") })
}

// Whatever comes together, the last act on a node stands, and nothing hangs.
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
	eventually(t, patience, func() error { return stands(ctx, r, "shop", stay...) })
	for began := time.Now(); time.Since(began) < 4*time.Second; {
		log.good(t, 1)
	}
	if err := stands(ctx, r, "shop", stay...); err != nil {
		t.Errorf("a TTL later: %v", err)
	}
	if got := ledgerOf(t, server.Client(), "shop").expired(); len(got) > 0 {
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
	within(t, 3*time.Second, "nothing left after Close", func() error { return stands(ctx, reader, "shop") })
}
