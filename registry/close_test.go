package registry_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// over is a context that has ended, as that of signal.NotifyContext has when a
// program gets around to Close.
func over(t *testing.T, deadline bool) context.Context {
	t.Helper()
	if deadline {
		ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
		t.Cleanup(cancel)
		return ctx
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

// TestWithdrawalWithAContextThatIsOver: a context that has ended
// must not keep Close from deregistering in Redis.
func TestWithdrawalWithAContextThatIsOver(t *testing.T) {
	t.Parallel()
	for name, withdraw := range map[string]func(context.Context, *registry.Redis) error{
		"close":      func(ctx context.Context, r *registry.Redis) error { return r.Close(ctx) },
		"deregister": func(ctx context.Context, r *registry.Redis) error { return r.Deregister(ctx, service("shop")) },
	} {
		for _, deadline := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				server := redistest.Start(t)
				r := open(t, at(server))
				register(t, r, service("shop", node("a"), node("b")))
				if err := withdraw(over(t, deadline), r); err != nil {
					t.Error(err)
				}
				if err := storedServiceOf(t, server.Client(), "shop").indexed(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// TestWithdrawalWithAContextThatIsOverIsBounded: with Redis away it takes the
// registry's Timeout, 2 s at most, and the error says what failed.
func TestWithdrawalWithAContextThatIsOverIsBounded(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	proxy := redistest.StartProxy(t, server.Addr())
	r := open(t, at(proxy), registry.Timeout(2*time.Second))
	register(t, r, service("shop", node("a")))
	proxy.Stall()
	began := time.Now()
	err := r.Deregister(over(t, false), service("shop"))
	bounded(t, began, 2*time.Second, "Deregister")
	if !errors.Is(err, registry.ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("Deregister: %v, want ErrUnavailable and context.Canceled", err)
	}
	began = time.Now()
	err = r.Close(over(t, false))
	bounded(t, began, 2*time.Second, "Close")
	if !errors.Is(err, registry.ErrUnavailable) || strings.Contains(err.Error(), "check") {
		t.Errorf("Close: %v, want ErrUnavailable, and no word of a check", err)
	}
}

// TestCloseSaysWhatHasNotReturned: a check only where it is one.
func TestCloseSaysWhatHasNotReturned(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	defer close(release)
	for want, opts := range map[string]struct {
		registry []registry.Option
		register []registry.RegisterOption
	}{
		"a check has not returned": {[]registry.Option{registry.Timeout(300 * time.Millisecond)}, []registry.RegisterOption{
			registry.RegisterCheck(func(context.Context) error { <-release; return nil }), registry.RegisterRetry(),
		}},
		"an OnState has not returned": {nil, []registry.RegisterOption{
			registry.OnState(func(registry.State, error) { <-release }),
		}},
		"the observer has not returned": {[]registry.Option{registry.Observe(func(e registry.Event) {
			if _, ok := e.(registry.StateEvent); ok {
				<-release
			}
		})}, nil},
	} {
		t.Run(want, func(t *testing.T) {
			to := at(redistest.Start(t))
			r := registry.NewRegistry(append(opts.registry, registry.Addrs(to.Addrs...))...)
			register(t, r, service("shop", node("a")), opts.register...)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			err := r.Close(ctx)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("Close: %v, want %q", err, want)
			}
			for _, other := range []string{"check", "OnState", "observer", "call to redis"} {
				if !strings.Contains(want, other) && strings.Contains(err.Error(), other) {
					t.Errorf("Close: %v, though no %s runs", err, other)
				}
			}
		})
	}
}

// TestCloseFromWithin: a function of the user's may close the registry that calls
// it, and Close does not wait for that function.
func TestCloseFromWithin(t *testing.T) {
	t.Parallel()
	for _, from := range []string{"OnState", "check", "observer"} {
		t.Run(from, func(t *testing.T) {
			t.Parallel()
			closed := make(chan error, 2)
			var r *registry.Redis
			ready := make(chan struct{})
			end := func() {
				<-ready
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				defer cancel()
				select {
				case closed <- r.Close(ctx):
				default: // it has closed it before
				}
			}
			var opts []registry.RegisterOption
			observe := func(registry.Event) {}
			switch from {
			case "OnState":
				opts = append(opts, registry.OnState(func(registry.State, error) { end() }))
			case "check":
				asked := false
				opts = append(opts, registry.RegisterCheck(func(context.Context) error {
					if asked {
						end()
					}
					asked = true
					return nil
				}))
			case "observer":
				observe = func(e registry.Event) {
					if _, ok := e.(registry.StateEvent); ok {
						end()
					}
				}
			}
			server := redistest.Start(t)
			r = open(t, at(server), registry.Observe(observe))
			register(t, r, service("shop", node("a")), opts...)
			close(ready)
			select {
			case err := <-closed:
				if err != nil {
					t.Errorf("Close: %v", err)
				}
			case <-time.After(patience / 2):
				t.Fatal("Close waits for the function that calls it")
			}
			if err := storedServiceOf(t, server.Client(), "shop").indexed(); err != nil {
				t.Error(err)
			}
		})
	}
}
