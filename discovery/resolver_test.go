package discovery_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/registry"
)

func TestFirstResolveWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource()
		r := resolver(t, src)
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				v, err := r.Resolve(t.Context(), "shop")
				if err != nil || ids(v.Nodes()) != "a b" {
					t.Errorf("%v, %v", v, err)
				}
			})
		}
		synctest.Wait()
		same(t, "follows", len(src.follows), 1)
		src.set("shop", shop(7, "a", "b"))
		all.Wait()

		v := resolve(t, r)
		same(t, "revision", v.Revision(), 7)
		same(t, "history", v.History(), "h")
		same(t, "service", v.Service(), "shop")
		same(t, "live", v.Live(), true)
		same(t, "age", v.Age(), 0)
		src.set("shop", shop(8, "a"))
		synctest.Wait()
		same(t, "after a change", ids(resolve(t, r).Nodes()), "a")
		same(t, "the old view", ids(v.Nodes()), "a b")
		same(t, "follows", len(src.follows), 1)
	})
}

// A wait ends with its context, or after Timeout; the next one may find more.
func TestFirstResolveIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource()
		r := resolver(t, src)
		began := time.Now()
		_, err := r.Resolve(context.Background(), "shop")
		wantErr(t, "without a deadline", err, registry.ErrUnavailable, context.DeadlineExceeded)
		same(t, "it took", time.Since(began), discovery.DefaultTimeout)

		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began = time.Now()
		_, err = r.Pick(ctx, "shop")
		wantErr(t, "with a deadline", err, registry.ErrUnavailable)
		same(t, "it took", time.Since(began), time.Minute)

		ctx, cancel = context.WithCancel(t.Context())
		cancel()
		_, err = r.Resolve(ctx, "shop")
		wantErr(t, "cancelled", err, context.Canceled)
		if errors.Is(err, registry.ErrUnavailable) {
			t.Errorf("cancelled: %v blames Redis", err)
		}
		src.set("shop", shop(1, "a"))
		same(t, "in the end", ids(resolve(t, r).Nodes()), "a")
	})
}

func TestResolveTellsWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource()
		r := resolver(t, src)
		src.fail("shop", registry.ErrPermission)
		_, err := r.Resolve(t.Context(), "shop")
		wantErr(t, "refused", err, registry.ErrPermission)
		src.set("shop", shop(1, "a"))
		synctest.Wait()
		time.Sleep(time.Minute) // it asks again after a while
		same(t, "with the right", ids(resolve(t, r).Nodes()), "a")

		src.set("none", &registry.View{})
		_, err = r.Resolve(t.Context(), "none")
		wantErr(t, "Resolve of what never existed", err, registry.ErrNotFound)
		_, err = r.Pick(t.Context(), "none")
		wantErr(t, "Pick of what never existed", err, registry.ErrNotFound)

		src.set("shop", shop(2))
		synctest.Wait()
		same(t, "an empty service", len(resolve(t, r).Nodes()), 0)
		_, err = r.Pick(t.Context(), "shop")
		wantErr(t, "Pick of an empty service", err, discovery.ErrNoNodes)
		if errors.Is(err, registry.ErrNotFound) {
			t.Errorf("an empty service: %v says that it never existed", err)
		}

		src.refuse = registry.ErrInvalid
		_, err = r.Resolve(t.Context(), "\n")
		wantErr(t, "a bad name", err, registry.ErrInvalid)
		_, err = r.Resolve(t.Context(), "shop", discovery.Filter(nil))
		wantErr(t, "a nil filter", err, registry.ErrInvalid)
		if !strings.Contains(err.Error(), "resolve shop") {
			t.Errorf("%q does not say what failed", err)
		}
	})
}

// The source ends: what is known stays, and grows stale.
func TestSourceEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource()
		r := resolver(t, src)
		src.set("shop", shop(1, "a"))
		resolve(t, r)
		src.fail("shop", registry.ErrClosed)
		synctest.Wait()
		time.Sleep(time.Second)
		v := resolve(t, r)
		same(t, "nodes", ids(v.Nodes()), "a")
		same(t, "live", v.Live(), false)
		same(t, "age", v.Age(), time.Second)
		if !errors.Is(v.Err(), registry.ErrClosed) {
			t.Errorf("it is stale for %v", v.Err())
		}
		_, err := r.Pick(t.Context(), "shop")
		wantErr(t, "pick", err)
	})
}

func TestMaxStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource()
		r := resolver(t, src, discovery.MaxStale(time.Minute))
		stale := shop(1, "a")
		stale.StaleSince, stale.Err = time.Now(), registry.ErrUnavailable
		src.set("shop", stale)
		resolve(t, r)
		time.Sleep(time.Minute)
		resolve(t, r)
		picks(t, r, 1)
		time.Sleep(time.Nanosecond)
		_, err := r.Resolve(t.Context(), "shop")
		wantErr(t, "Resolve", err, discovery.ErrStale, registry.ErrUnavailable)
		_, err = r.Pick(t.Context(), "shop", discovery.HashKey("x"))
		wantErr(t, "Pick", err, discovery.ErrStale)
		src.set("shop", shop(1, "a"))
		synctest.Wait()
		picks(t, r, 1)
	})
}

func TestIdleServicesAreLetGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource()
		for _, name := range []string{"shop", "idle", "loaded", "watched"} {
			src.set(name, shop(1, "a"))
		}
		r := resolver(t, src, discovery.Preload("loaded"), discovery.IdleTimeout(time.Minute))
		synctest.Wait()
		same(t, "before a call", strings.Join(src.followed(), " "), "/loaded")
		ctx, cancel := context.WithCancel(t.Context())
		views := make(chan *discovery.View)
		go func() {
			defer close(views)
			for v := range r.Changes(ctx, "watched") {
				views <- v
			}
		}()
		<-views
		if _, err := r.Resolve(t.Context(), "idle"); err != nil {
			t.Fatal(err)
		}
		for range 120 {
			resolve(t, r)
			time.Sleep(time.Second)
		}
		same(t, "after two minutes", strings.Join(src.followed(), " "), "/loaded /shop /watched")
		cancel()
		<-views
		time.Sleep(2 * time.Minute)
		same(t, "with no user left", strings.Join(src.followed(), " "), "/loaded")
		same(t, "asked for again", ids(resolve(t, r).Nodes()), "a")
	})
}

// Err says at once, without a call, what every call would say.
func TestErrOfAResolver(t *testing.T) {
	src := newFakeSource()
	src.set("shop", shop(1, "a"))
	wantNil(t, resolver(t, src).Err())
	for name, r := range map[string]*discovery.Resolver{
		"source": resolver(t, nil),
		"option": resolver(t, src, discovery.Guard(2)),
	} {
		wantErr(t, name, r.Err(), registry.ErrInvalid)
		_, err := r.Resolve(t.Context(), "shop")
		same(t, name, errors.Unwrap(r.Err()).Error(), errors.Unwrap(err).Error())
	}
}

func TestCloseOfAResolver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource()
		r := discovery.New(src, discovery.Preload("loaded"))
		src.set("shop", shop(1, "a"))
		resolve(t, r)
		ended := make(chan error, 2)
		go func() {
			for range r.Changes(context.Background(), "shop") {
			}
			ended <- nil
		}()
		go func() {
			_, err := r.Resolve(context.Background(), "unknown")
			ended <- err
		}()
		synctest.Wait()
		for range 2 {
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		}
		wantErr(t, "Changes and a Resolve that waits", errors.Join(<-ended, <-ended), registry.ErrClosed)
		same(t, "followed", len(src.followed()), 0)
		_, err := r.Resolve(t.Context(), "shop")
		wantErr(t, "Resolve", err, registry.ErrClosed)
		_, err = r.Pick(t.Context(), "shop")
		wantErr(t, "Pick", err, registry.ErrClosed)
		for range r.Changes(t.Context(), "shop") {
			t.Error("Changes yields after Close")
		}
	})
}

func TestBadOptions(t *testing.T) {
	for name, opt := range map[string]discovery.Option{
		"balancer":   discovery.WithBalancer(nil),
		"timeout":    discovery.Timeout(0),
		"idle":       discovery.IdleTimeout(-1),
		"stale":      discovery.MaxStale(-1),
		"slow start": discovery.SlowStart(-1),
		"subset":     discovery.Subset(-1),
		"guard":      discovery.Guard(1.1),
		"no guard":   discovery.Guard(math.NaN()),
		"ejection":   discovery.Ejection(-1, time.Second, time.Minute),
		"no time":    discovery.Ejection(1, 0, time.Minute),
		"cap":        discovery.Ejection(1, time.Minute, time.Second),
		"retries":    discovery.Retries(-1),
		"budget":     discovery.RetryBudget(-1, 10),
		"no budget":  discovery.RetryBudget(math.NaN(), 10),
		"per second": discovery.RetryBudget(0.2, -1),
	} {
		t.Run(name, func(t *testing.T) {
			src := newFakeSource()
			r := resolver(t, src, opt, discovery.Preload("shop"))
			_, err := r.Resolve(t.Context(), "shop")
			wantErr(t, "Resolve", err, registry.ErrInvalid)
			_, err = r.Pick(t.Context(), "shop")
			wantErr(t, "Pick", err, registry.ErrInvalid)
			for range r.Changes(t.Context(), "shop") {
				t.Error("Changes yields")
			}
			same(t, "follows", len(src.follows), 0)
		})
	}
}
