package registry_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

var watchEnds = []testCase{
	{"Stop ends Next", watchStop},
	{"the end of the context ends Next", watchContextEnds},
	{"a watch that its context ended leaves nothing", watchContextLeavesNothing},
	{"Close ends Next", watchClose},
	{"a closed registry watches nothing", watchAfterClose},
	{"watches that come and go disturb no other", watchesComeAndGo},
}

// A nexter has called Next and reports what comes of it.
type nexter struct {
	res *registry.Result
	err error
}

// next calls Next in the background.
func next(w registry.Watcher) <-chan nexter {
	c := make(chan nexter, 1)
	go func() {
		res, err := w.Next()
		c <- nexter{res, err}
	}()
	return c
}

// ends checks that a Next that waits, and every later one, fails like this.
func ends(t *testing.T, w registry.Watcher, waiting <-chan nexter, want error) {
	t.Helper()
	began := time.Now()
	for i := range 20 { // the result must not depend on luck
		select {
		case got := <-waiting:
			if got.res != nil || !errors.Is(got.err, want) {
				t.Fatalf("Next %d: %v, %v, want %v", i, got.res, got.err, want)
			}
		case <-time.After(patience):
			t.Fatalf("Next %d goes on waiting", i)
		}
		if i == 0 {
			t.Logf("Next ended after %v", time.Since(began).Round(time.Microsecond))
		}
		waiting = next(w)
	}
	<-waiting
}

// subscribed counts who listens to the events of a service.
func (b rawService) subscribed() error {
	n := b.client.PubSubNumSub(b.t.Context(), b.keys.Events(0)).Val()[b.keys.Events(0)]
	if n != 0 {
		return fmt.Errorf("%d subscriptions are left", n)
	}
	return nil
}

func watchStop(t *testing.T, tp redistest.Topology) {
	r, reader, b := open(t, tp), open(t, tp), behind(t, tp, "shop")
	w, err := reader.Watch(t.Context(), registry.WatchService("shop"))
	if err != nil {
		t.Fatal(err)
	}
	waiting := next(w)
	w.Stop()
	w.Stop()
	ends(t, w, waiting, registry.ErrWatcherStopped)

	// Also where results are left.
	register(t, r, service("shop", node("a")))
	w, err = reader.Watch(t.Context(), registry.WatchService("shop"))
	if err != nil {
		t.Fatal(err)
	}
	w.Stop()
	ends(t, w, next(w), registry.ErrWatcherStopped)
	if !tp.Cluster { // which counts for each server apart
		eventually(t, patience, b.subscribed)
	}
}

func watchContextEnds(t *testing.T, tp redistest.Topology) {
	reader := open(t, tp)
	ctx, cancel := context.WithCancel(t.Context())
	w, err := reader.Watch(ctx, registry.WatchService("shop"))
	if err != nil {
		t.Fatal(err)
	}
	waiting := next(w)
	cancel()
	ends(t, w, waiting, context.Canceled)
	w.Stop()
	ends(t, w, next(w), context.Canceled) // which came first

	ctx, cancel = context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if w, err = reader.Watch(ctx); err != nil {
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		return // on a machine that slow
	}
	ends(t, w, next(w), context.DeadlineExceeded)
}

// No call of Next is needed for that.
func watchContextLeavesNothing(t *testing.T, tp redistest.Topology) {
	reader, b := open(t, tp), behind(t, tp, "shop")
	ctx, cancel := context.WithCancel(t.Context())
	for range 3 {
		if _, err := reader.Watch(ctx, registry.WatchService("shop")); err != nil {
			t.Fatal(err)
		}
	}
	if tp.Cluster {
		cancel()
		return
	}
	if b.subscribed() == nil {
		t.Error("no client is subscribed")
	}
	cancel()
	eventually(t, patience, b.subscribed)
	watch(t, reader, registry.WatchService("shop"))
}

func watchClose(t *testing.T, tp redistest.Topology) {
	r := open(t, tp)
	register(t, r, service("shop", node("a")))
	for _, opts := range [][]registry.WatchOption{{registry.WatchService("shop")}, {registry.WatchNamespace("*")}} {
		r := open(t, tp)
		w, err := r.Watch(t.Context(), opts...)
		if err != nil {
			t.Fatal(err)
		}
		if res, err := w.Next(); err != nil || short(res) != "create /a" {
			t.Fatal(res, err)
		}
		waiting := next(w)
		began := time.Now()
		if err := r.Close(t.Context()); err != nil {
			t.Error(err)
		}
		bounded(t, began, 0, "Close with a watcher")
		ends(t, w, waiting, registry.ErrClosed)
		w.Stop()
	}
}

func watchAfterClose(t *testing.T, tp redistest.Topology) {
	r := open(t, tp)
	if err := errors.Join(r.Init(), r.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
	_, err := r.Watch(t.Context(), registry.WatchService("shop"))
	wantErr(t, err, registry.ErrClosed)
}

func watchesComeAndGo(t *testing.T, tp redistest.Topology) {
	const services, rounds = 3, 30
	r, reader := open(t, tp), open(t, tp)
	name := func(i int) string { return fmt.Sprint("shop-", i%services) }
	steady := watch(t, reader, registry.WatchService(name(0)))
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for round := range rounds {
				opt := registry.WatchService(name(i + round))
				if round%5 == 4 {
					opt = registry.WatchNamespace("*")
				}
				w, err := reader.Watch(t.Context(), opt)
				if err != nil {
					t.Error(err)
					return
				}
				waiting := next(w)
				w.Stop()
				<-waiting
			}
		})
	}
	for round := range rounds {
		n := node(fmt.Sprint(round % 7))
		n.Zone = fmt.Sprint(round)
		register(t, r, service(name(round), n))
		if round%4 == 3 {
			deregister(t, r, service(name(round), n))
		}
	}
	all.Wait()
	for i := range services {
		a := watch(t, reader, registry.WatchService(name(i)))
		eventually(t, patience, func() error { return a.equals(t.Context(), r, name(i)) })
	}
	eventually(t, patience, func() error { return steady.equals(t.Context(), r, name(0)) })
}
