package registry_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-go/rollcall/internal/record"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// An eventLog keeps the events of a registry.
type eventLog struct {
	mu     sync.Mutex
	events []registry.Event
}

func (l *eventLog) option() registry.Option { return registry.Observe(l.take) }

func (l *eventLog) take(e registry.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, e)
}

// wants waits for an event for which is returns true.
func wants[E registry.Event](t *testing.T, l *eventLog, what string, is func(E) bool) {
	t.Helper()
	eventually(t, patience, func() error { return missing(l, what, is) })
}

// missing is nil if there is such an event.
func missing[E registry.Event](l *eventLog, what string, is func(E) bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var last any
	for _, e := range l.events {
		if e, ok := e.(E); ok {
			if last = e; is(e) {
				return nil
			}
		}
	}
	return fmt.Errorf("no %T: %s; the last one is %+v", *new(E), what, last)
}

// Each thing that a reader does to keep up to date is an event with its reason.
func TestEventsOfAReader(t *testing.T) {
	t.Parallel()
	server, log := redistest.Start(t), &eventLog{}
	reader := open(t, at(server), log.option(), registry.PollInterval(time.Second))
	r := open(t, at(server), renewRarely)
	register(t, r, service("shop", node("a"), node("b")))
	watcher := watch(t, reader, registry.WatchService("shop"))
	watcher.expectAll("create /a", "create /b")
	shop := storedServiceOf(t, server.Client(), "shop")
	ours := func(namespace, service string) bool { return namespace == "default" && service == "shop" }
	publish := func(text string) {
		t.Helper()
		if err := server.Client().Publish(t.Context(), shop.Events(0), text).Err(); err != nil {
			t.Fatal(err)
		}
	}

	wants(t, log, "the first one", func(e registry.ReadEvent) bool {
		return ours(e.Namespace, e.Service) && e.Why == registry.ReadSubscribed && e.Nodes == 2 && e.Took > 0 && e.Err == nil
	})
	wants(t, log, "one that succeeds", func(e registry.PollEvent) bool { return e.Services == 1 && e.Took > 0 && e.Err == nil })
	wants(t, log, "watch", func(e registry.CallEvent) bool { return e.Op == "watch" && ours(e.Namespace, e.Service) })

	publish("of another program")
	wants(t, log, "of another program", func(e registry.ReadEvent) bool { return e.Why == registry.ReadUnreadable })
	odd := record.Event{
		Epoch: "other", Rev: 7, Prev: strings.Repeat("a", 40), Tag: strings.Repeat("b", 40),
		Time: time.Now(), Kind: record.Del, Lease: "1-0123456789ab", ID: "a",
	}
	eventually(t, patience, func() error { // a poll may settle the doubt before a probe does
		publish(string(odd.Encode()))
		return missing(log, "an event of another history", func(e registry.DoubtEvent) bool {
			return ours(e.Namespace, e.Service) && e.Settled && e.Err == nil
		})
	})

	// Changes of a registrar that may not publish.
	do(t, server, "ACL", "SETUSER", "mute", "on", ">secret", "~*", "+@all", "resetchannels")
	mute := open(t, at(server), renewRarely, registry.Username("mute"), registry.Password("secret"))
	register(t, mute, service("shop", node("c")))
	watcher.expect("create /c")
	wants(t, log, "a change without an event", func(e registry.GapEvent) bool { return ours(e.Namespace, e.Service) })
	wants(t, log, "of that", func(e registry.ReadEvent) bool { return e.Why == registry.ReadGap })
	wants(t, log, "of that", func(e registry.SubscriptionEvent) bool { return e.Err != nil })
	if err := mute.Close(t.Context()); err != nil { // the restart below forgets its user
		t.Fatal(err)
	}

	server.Flush()
	wants(t, log, "lost nodes are held", func(e registry.HealthEvent) bool { return ours(e.Namespace, e.Service) && e.Held > 0 })

	wants(t, log, "they are back", func(e registry.HealthEvent) bool { return ours(e.Namespace, e.Service) && e.Held == 0 })

	server.Kill()
	wants(t, log, "an outage", func(e registry.HealthEvent) bool {
		return !e.StaleSince.IsZero() && errors.Is(e.Err, registry.ErrUnavailable)
	})
	wants(t, log, "an outage", func(e registry.PollEvent) bool { return errors.Is(e.Err, registry.ErrUnavailable) })
	eventually(t, patience, func() error {
		if s, err := reader.Stats(); err != nil || s.OutageSince.IsZero() || time.Since(s.OutageSince) > patience {
			return fmt.Errorf("during the outage: %+v, %w", s, err)
		}
		return nil
	})
	server.Restart(true)
	wants(t, log, "the end of the outage", func(e registry.HealthEvent) bool { return e.StaleSince.IsZero() && e.Err == nil })
	eventually(t, patience, func() error {
		if s, err := reader.Stats(); err != nil || !s.OutageSince.IsZero() {
			return fmt.Errorf("after the outage: %+v, %w", s, err)
		}
		return nil
	})
}

// A round of renewals that begins late says so, and one that fails.
func TestEventsOfARegistrar(t *testing.T) {
	t.Parallel()
	server, log := redistest.Start(t), &eventLog{}
	r := open(t, at(server), log.option(), registry.TTL(3*time.Second), registry.Interval(200*time.Millisecond), registry.Timeout(time.Second))
	register(t, r, service("shop", node("a"), node("b")))
	wants(t, log, "one that succeeds", func(e registry.RenewEvent) bool { return e.Nodes == 2 && e.Took > 0 && e.Err == nil })
	server.Pause()
	wants(t, log, "a stopped Redis", func(e registry.RenewEvent) bool { return e.Err != nil })
	server.Resume()
	wants(t, log, "the attempts took longer than an interval", func(e registry.RenewEvent) bool { return e.Late > 0 })
}

// Events come one at a time, also those of calls from many goroutines.
func TestEventsComeOneAtATime(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	overlaps, seen := 0, 0
	r := open(t, at(redistest.Start(t)), registry.Observe(func(e registry.Event) {
		if !mu.TryLock() {
			overlaps++
			return
		}
		defer mu.Unlock()
		seen++
		time.Sleep(time.Microsecond)
	}))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 30 {
				_, _ = r.GetService(t.Context(), "unknown")
			}
		})
	}
	all.Wait()
	if err := r.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if overlaps > 0 || seen < 240 {
		t.Errorf("%d events at once with another, of %d", overlaps, overlaps+seen)
	}
}

// Stats counts the nodes by what has become of them.
func TestStats(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	r, other := open(t, at(server)), open(t, at(server))
	wantStats := func(want ...registry.NodeStats) {
		t.Helper()
		eventually(t, patience, func() error {
			s, err := r.Stats()
			if diff := cmp.Diff(registry.Stats{Nodes: want}, s); diff != "" || err != nil {
				return fmt.Errorf("%w, -want +got:\n%s", err, diff)
			}
			return nil
		})
	}
	wantStats()
	register(t, r, service("shop", node("a"), node("b")))
	register(t, r, service("desk", node("a")))
	wantStats(registry.NodeStats{"default", "desk", registry.Live, 1}, registry.NodeStats{"default", "shop", registry.Live, 2})
	register(t, other, service("shop", node("a")))
	wantStats(registry.NodeStats{"default", "desk", registry.Live, 1}, registry.NodeStats{"default", "shop", registry.Live, 1}, registry.NodeStats{"default", "shop", registry.Superseded, 1})
	deregister(t, r, service("shop"))
	deregister(t, r, service("desk"))
	wantStats()
	if err := r.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Stats(); !errors.Is(err, registry.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if _, err := new(registry.Redis).Stats(); !errors.Is(err, registry.ErrInvalid) {
		t.Errorf("of a zero Redis: %v", err)
	}
}
