package registry_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// One process watches many services: over one connection, and with one snapshot
// each when it has to read them again. TestLoadWatchManyServices has more of them,
// and measures what that costs Redis.
func TestWatchManyServices(t *testing.T) {
	t.Parallel()
	watchManyServices(t, 200, func(*redistest.Server) {})
}

// watchManyServices calls rest where all are watched and nothing happens.
func watchManyServices(t *testing.T, services int, rest func(*redistest.Server)) {
	server := redistest.Start(t)
	client, w := wired(t, server)
	reader := open(t, at(server), registry.Client(client))
	r := open(t, at(server))
	name := func(i int) string { return fmt.Sprint("shop-", i) }
	each := func(do func(i int)) {
		var all sync.WaitGroup
		for first := range 8 {
			all.Go(func() {
				for i := first; i < services; i += 8 {
					do(i)
				}
			})
		}
		all.Wait()
	}
	began := time.Now()
	each(func(i int) {
		if err := r.Register(t.Context(), service(name(i), node("a")), registry.RegisterManual(), registry.RegisterTTL(time.Hour)); err != nil {
			t.Error(err)
		}
	})
	t.Logf("%d services registered in %v", services, time.Since(began).Round(time.Millisecond))

	began = time.Now()
	recorders := make([]*recorder, services)
	each(func(i int) {
		w, err := reader.Watch(t.Context(), registry.WatchService(name(i)))
		if err != nil {
			t.Error(err)
			return
		}
		recorders[i] = listen(t, w)
	})
	if t.Failed() {
		return
	}
	t.Logf("all of them watched after %v", time.Since(began).Round(time.Millisecond))
	for _, a := range recorders {
		a.expect("create /a")
	}
	if n := len(subscriptions(t, server, "default")); n != 1 || w.count() != 1 {
		t.Errorf("%d subscriptions, %d so far, want 1", n, w.count())
	}
	if n := snapshots(t, server); n > services*21/20 {
		t.Errorf("%d snapshots of %d services", n, services)
	}

	polled := calls(t, server, "zcard")
	eventually(t, patience, func() error { // what there was to do at the start is done
		if calls(t, server, "zcard")-polled < services {
			return errors.New("not all have been polled")
		}
		return nil
	})
	rest(server)

	read := snapshots(t, server)
	w.cut()
	began = time.Now()
	each(func(i int) {
		if err := r.Register(t.Context(), service(name(i), node("b")), registry.RegisterManual(), registry.RegisterTTL(time.Hour)); err != nil {
			t.Error(err)
		}
	})
	t.Logf("changed after %v", time.Since(began).Round(time.Millisecond))
	for _, a := range recorders {
		a.expect("create /b")
	}
	t.Logf("all results %v after the cut, in %d snapshots and %d subscriptions", time.Since(began).Round(time.Millisecond), snapshots(t, server)-read, w.count())
	if n := snapshots(t, server) - read; n > 2*services {
		t.Errorf("%d snapshots of %d services after a cut", n, services)
	}

	// A flush that they do not come back from is noticed without a storm.
	read = snapshots(t, server)
	server.Flush()
	eventually(t, patience, func() error {
		if n := snapshots(t, server) - read; n < services {
			return fmt.Errorf("%d services were read again", n)
		}
		return nil
	})
	polled = calls(t, server, "zcard")
	eventually(t, patience, func() error {
		if calls(t, server, "zcard")-polled < 2*services {
			return errors.New("not all have been polled")
		}
		return nil
	})
	if n := snapshots(t, server) - read; n > 2*services {
		t.Errorf("%d snapshots of %d services after a flush", n, services)
	}
	for _, a := range recorders {
		if got := a.deleted(); len(got) > 0 {
			t.Fatalf("deleted: %v", got)
		}
	}
}
