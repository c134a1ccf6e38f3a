package registry_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// A Watch that finds no Redis fails in time and leaves nothing behind.
func TestWatchWhileDown(t *testing.T) {
	t.Parallel()
	for _, fault := range []struct {
		name       string
		fail, mend func(*redistest.Server)
	}{
		{"killed", (*redistest.Server).Kill, func(s *redistest.Server) { s.Restart(false) }},
		{"paused", (*redistest.Server).Pause, (*redistest.Server).Resume},
	} {
		t.Run(fault.name, func(t *testing.T) {
			t.Parallel()
			const timeout, poll = 500 * time.Millisecond, 200 * time.Millisecond
			server := redistest.Start(t)
			r := open(t, at(server), registry.Timeout(timeout), registry.PollInterval(poll))
			fault.fail(server)
			var errs []error
			for _, tc := range []struct {
				opt   registry.WatchOption
				of    time.Duration // Watch's context
				bound time.Duration
			}{
				{registry.WatchService("shop"), 0, timeout},
				{registry.WatchService("shop"), time.Hour, timeout},
				{registry.WatchService("shop"), timeout / 5, timeout / 5},
				{registry.WatchNamespace("*"), 0, timeout},
			} {
				ctx, cancel := t.Context(), context.CancelFunc(func() {})
				if tc.of > 0 {
					ctx, cancel = context.WithTimeout(ctx, tc.of)
				}
				began := time.Now()
				_, err := r.Watch(ctx, tc.opt)
				cancel()
				bounded(t, began, tc.bound, "Watch")
				wantErr(t, err, registry.ErrUnavailable)
				errs = append(errs, err)
			}
			t.Log(errs[0])
			ctx, cancel := context.WithCancel(t.Context())
			go cancel()
			if _, err := r.Watch(ctx, registry.WatchService("shop")); !errors.Is(err, context.Canceled) && !errors.Is(err, registry.ErrUnavailable) {
				t.Errorf("canceled: %v", err)
			}
			fault.mend(server)

			a := watched(t, r, "desk")
			register(t, open(t, at(server)), service("desk", node("a")))
			a.expect("create /a")
			b := behind(t, at(server), "shop")
			if err := b.subscribed(); err != nil {
				t.Error(err)
			}
			if n := len(clients(t, server)); n > 10 {
				t.Errorf("%d connections", n)
			}
			watched(t, r, "shop")
		})
	}
}

// watched is a Watch that is tried until Redis is back.
func watched(t *testing.T, r *registry.Redis, name string) (a *recorder) {
	t.Helper()
	eventually(t, patience, func() error {
		w, err := r.Watch(t.Context(), registry.WatchService(name))
		if err == nil {
			a = listen(t, w)
		}
		return err
	})
	return a
}

// Close does not wait for a Redis that hangs, whatever the watches are at.
func TestCloseOfWatchesWhileDown(t *testing.T) {
	t.Parallel()
	const timeout = 500 * time.Millisecond
	for _, tc := range []struct {
		name string
		fail func(*redistest.Server, *redistest.Proxy)
	}{
		{"server paused", func(s *redistest.Server, _ *redistest.Proxy) { s.Pause() }},
		{"server killed", func(s *redistest.Server, _ *redistest.Proxy) { s.Kill() }},
		{"paused behind cut connections", func(s *redistest.Server, p *redistest.Proxy) {
			s.Pause()
			p.Cut()
			p.Heal() // connects, and no server answers
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			proxy := redistest.StartProxy(t, server.Addr())
			r := open(t, at(proxy), registry.Timeout(timeout), registry.PollInterval(100*time.Millisecond))
			for _, opt := range []registry.WatchOption{registry.WatchService("shop"), registry.WatchNamespace("*")} {
				eventually(t, patience, func() error { // a busy machine may not answer in time at first
					_, err := r.Watch(t.Context(), opt)
					return err
				})
			}
			f, err := r.Follow("shop")
			if err != nil {
				t.Fatal(err)
			}
			defer f.Stop()
			tc.fail(server, proxy)
			eventually(t, patience, func() error {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				v, err := f.Next(ctx)
				if err != nil || v.StaleSince.IsZero() {
					return fmt.Errorf("still live: %v", err)
				}
				return nil
			})
			began := time.Now()
			if err := r.Close(t.Context()); err != nil {
				t.Error(err)
			}
			bounded(t, began, timeout, "Close")
		})
	}
}

// A consumer that does not come for a while finds the last state, and no more
// results than make sense of it.
func TestSlowConsumer(t *testing.T) {
	t.Parallel()
	const nodes, rounds = 100, 60
	server := redistest.Start(t)
	r := open(t, at(server))
	w, err := open(t, at(server)).Watch(t.Context(), registry.WatchService("shop"))
	if err != nil {
		t.Fatal(err)
	}
	prompt := watch(t, open(t, at(server)), registry.WatchService("shop"))
	for round := range rounds {
		s := service("shop")
		for i := range nodes {
			n := node(fmt.Sprint(i))
			n.Zone = fmt.Sprint(round)
			s.Nodes = append(s.Nodes, n)
		}
		register(t, r, s)
		if round%20 == 10 {
			deregister(t, r, service("shop"))
		}
	}
	deregister(t, r, service("shop", node("7")))
	eventually(t, patience, func() error { return prompt.equals(t.Context(), r, "shop") })
	slow := listen(t, w)
	eventually(t, patience, func() error { return slow.equals(t.Context(), r, "shop") })
	results := 0
	for _, n := range slow.count() {
		results += n
	}
	_, made := storedServiceOf(t, server.Client(), "shop").version()
	t.Logf("%d changes, %d results for the slow consumer", made, results)
	if most := 1024 + 2*nodes; results > most || made < nodes*rounds {
		t.Errorf("%d changes, %d results for the slow consumer: want at most %d of at least %d", made, results, most, nodes*rounds)
	}
}
