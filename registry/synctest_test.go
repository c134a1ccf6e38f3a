package registry_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

const (
	defaultTTL      = registry.DefaultTTL
	defaultInterval = registry.DefaultTTL / 3
)

// Jitter shortens the interval, by a tenth at most, and never prolongs it.
func TestRenewalsOfAnHour(t *testing.T) {
	inSimulation(t, func(b *simulation) {
		register(b.t, b.Redis, service("shop", node("a")))
		time.Sleep(time.Hour)
		renewals, at := take[registry.RenewEvent](b)
		for _, e := range renewals {
			if e.Err != nil || e.Calls != 1 || e.Nodes != 1 {
				b.t.Fatalf("%+v, want one node in one call", e)
			}
		}
		shortest, longest := gaps(at)
		b.t.Logf("%d renewals, %v to %v apart", len(at), shortest, longest)
		if longest > defaultInterval || shortest < defaultInterval*9/10-50*time.Millisecond {
			b.t.Errorf("renewals %v to %v apart, want %v and at most a tenth less", shortest, longest, defaultInterval)
		}
		if least, most := int(time.Hour/defaultInterval), int(time.Hour/(defaultInterval*8/10)); len(at) < least || len(at) > most {
			b.t.Errorf("%d renewals in an hour, want %d to %d", len(at), least, most)
		}
		if longest-shortest < defaultInterval/20 {
			b.t.Errorf("renewals %v to %v apart: there is no jitter", shortest, longest)
		}
	})
}

// An outage of an hour is tried to the end, ever slower up to an interval.
func TestOutageOfAnHour(t *testing.T) {
	inSimulation(t, func(b *simulation) {
		register(b.t, b.Redis, service("shop", node("a")))
		b.link.set(true)
		time.Sleep(time.Hour)
		rounds, at := take[registry.RenewEvent](b)
		shortest, longest := gaps(at)
		b.t.Logf("%d rounds in the outage, %v to %v apart", len(at), shortest, longest)
		for _, e := range rounds {
			if e.Err == nil {
				b.t.Fatalf("a round in the outage succeeded: %+v", e)
			}
		}
		const slowest = defaultInterval // of which a round takes a third
		if longest > slowest || len(at) < int(time.Hour/slowest) {
			b.t.Errorf("%d rounds up to %v apart, want one every %v", len(at), longest, slowest)
		}
		if len(at) > int(3*time.Hour/defaultInterval) {
			b.t.Errorf("%d rounds in an hour: the backoff does not slow down", len(at))
		}

		b.link.set(false)
		time.Sleep(defaultInterval + time.Second)
		if err := showsOnly(b.t.Context(), b.Redis, "shop", "a"); err != nil {
			b.t.Errorf("an interval and a second after the outage: %v", err)
		}
	})
}

// The end of a lease is reported when it ends, and not at the next attempt to renew it.
func TestLostIsReported(t *testing.T) {
	inSimulation(t, func(b *simulation) {
		register(b.t, b.Redis, service("shop", node("a")))
		var latest, slowest time.Duration
		for range 20 {
			time.Sleep(time.Minute)
			_, renewed := take[registry.RenewEvent](b)
			take[registry.StateEvent](b)
			ends := renewed[len(renewed)-1].Add(defaultTTL)

			b.link.set(true)
			time.Sleep(time.Minute)
			states, reported := take[registry.StateEvent](b)
			if len(states) != 1 || states[0].State != registry.Lost || reported[0].Before(ends) {
				b.t.Fatalf("states %+v at %v, want lost after %v", states, reported, ends)
			}
			latest = max(latest, reported[0].Sub(ends))

			b.link.set(false)
			back := time.Now()
			time.Sleep(time.Minute)
			states, reported = take[registry.StateEvent](b)
			if len(states) != 1 || states[0].State != registry.Live {
				b.t.Fatalf("states %+v, want live", states)
			}
			slowest = max(slowest, reported[0].Sub(back))
		}
		b.t.Logf("lost was reported up to %v after the lease, live up to %v after the outage", latest, slowest)
		if latest > defaultInterval/3+100*time.Millisecond {
			b.t.Errorf("lost was reported %v after the lease, want the time of an attempt at most", latest)
		}
		if slowest > defaultInterval+time.Second {
			b.t.Errorf("live %v after the outage, want an interval and a second", slowest)
		}
	})
}

// A failing check withholds renewal and, once the lease is over, registration.
func TestCheckWithholds(t *testing.T) {
	inSimulation(t, func(b *simulation) {
		var mu sync.Mutex
		var sick error
		var asked []time.Time
		set := func(err error) {
			mu.Lock()
			defer mu.Unlock()
			sick, asked = err, nil
		}
		register(b.t, b.Redis, service("shop", node("a")), registry.RegisterCheck(func(context.Context) error {
			mu.Lock()
			defer mu.Unlock()
			asked = append(asked, time.Now())
			return sick
		}))
		time.Sleep(time.Minute)
		take[registry.StateEvent](b)
		mu.Lock()
		shortest, longest := gaps(asked)
		mu.Unlock()
		if longest > defaultInterval || shortest < defaultInterval*8/10 {
			b.t.Errorf("asked %v to %v apart, want once an interval of %v", shortest, longest, defaultInterval)
		}

		broken := errors.New("disk full")
		set(broken)
		began := time.Now()
		time.Sleep(defaultInterval)
		states, _ := take[registry.StateEvent](b)
		if len(states) != 1 || states[0].State != registry.Withheld || !errors.Is(states[0].Err, broken) {
			b.t.Fatalf("states %+v, want withheld, and the check's own error", states)
		}
		time.Sleep(time.Until(began.Add(defaultTTL)))
		if err := showsOnly(b.t.Context(), b.Redis, "shop"); err != nil {
			b.t.Errorf("a TTL after the check began to fail: %v", err)
		}
		time.Sleep(time.Hour)
		if err := showsOnly(b.t.Context(), b.Redis, "shop"); err != nil {
			b.t.Errorf("registered again with a failing check: %v", err)
		}

		set(nil)
		time.Sleep(defaultInterval)
		states, _ = take[registry.StateEvent](b)
		if len(states) != 1 || states[0].State != registry.Live {
			b.t.Errorf("states %+v, want live", states)
		}
		if err := showsOnly(b.t.Context(), b.Redis, "shop", "a"); err != nil {
			b.t.Errorf("an interval after the check passed: %v", err)
		}
	})
}

// A reaper sleeps until a lease ends, and comes 700 ms after it at the latest.
func TestReaperWakes(t *testing.T) {
	inSimulation(t, func(b *simulation) {
		register(b.t, b.Redis, service("shop", node("a")))
		time.Sleep(time.Minute)
		var soonest, latest time.Duration
		for i := range 100 {
			id := "b" + strconv.Itoa(i)
			// Registered once and never renewed: a crash, to the other processes.
			register(b.t, b.Redis, service("shop", node(id)), registry.RegisterManual())
			ends := time.Now().Add(defaultTTL)
			time.Sleep(defaultTTL + time.Second)
			reaps, at := take[registry.ReapEvent](b)
			if len(reaps) != 1 || !slices.Equal(reaps[0].Nodes, []string{id}) {
				b.t.Fatalf("reaped %+v, want %s", reaps, id)
			}
			late := at[0].Sub(ends)
			latest = max(latest, late)
			if i == 0 || late < soonest {
				soonest = late
			}
			time.Sleep(time.Second)
		}
		b.t.Logf("reaped %v to %v after the lease", soonest, latest)
		if soonest < 0 || latest > 700*time.Millisecond {
			b.t.Errorf("reaped %v to %v after the lease, want at most 700 ms", soonest, latest)
		}
	})
}

// The lists of services and namespaces are never older than half a minute.
func TestCataloguesAreFresh(t *testing.T) {
	inSimulation(t, func(b *simulation) {
		register(b.t, b.Redis, service("shop", node("a")))
		oldest := time.Duration(0)
		for range 600 {
			time.Sleep(time.Second)
			for key, member := range map[string]string{"rollcall:{default}:services": "shop/", "rollcall:namespaces": "default"} {
				seen, err := b.server.ZScore(key, member)
				if err != nil {
					b.t.Fatalf("%s of %s: %v", member, key, err)
				}
				oldest = max(oldest, time.Since(time.UnixMilli(int64(seen))))
			}
		}
		b.t.Logf("the oldest entry in ten minutes was %v old", oldest)
		if oldest > 31*time.Second {
			b.t.Errorf("an entry was %v old, want 30 s", oldest)
		}
		b.server.FlushAll() // the next renewal finds it out
		time.Sleep(defaultInterval)
		synctest.Wait()
		if _, err := b.server.ZScore("rollcall:namespaces", "default"); err != nil {
			b.t.Errorf("an interval after a flush: %v", err)
		}
	})
}

// Deregister is tried again as long as the lease may last, and no longer.
func TestDeregisterRetriesEnd(t *testing.T) {
	inSimulation(t, func(b *simulation) {
		register(b.t, b.Redis, service("shop", node("a")))
		time.Sleep(time.Minute)
		b.link.set(true)
		began := time.Now()
		if err := b.Deregister(b.t.Context(), service("shop")); !errors.Is(err, registry.ErrUnavailable) {
			b.t.Errorf("Deregister: %v, want ErrUnavailable", err)
		}
		take[registry.RenewEvent](b)
		time.Sleep(time.Hour)
		rounds, at := take[registry.RenewEvent](b)
		if len(rounds) < 3 {
			b.t.Fatalf("%d attempts to deregister", len(rounds))
		}
		last := at[len(at)-1].Sub(began)
		b.t.Logf("%d attempts, the last after %v", len(at), last)
		if last > defaultTTL+2*defaultInterval {
			b.t.Errorf("the last attempt was %v after Deregister; the TTL is %v", last, defaultTTL)
		}
	})
}

// Reapers of one service share the work: the first one does it.
func TestReapersShare(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server, o := redistest.Synctest(t)
		var all []*simulation
		for i := range 5 {
			b := join(t, server, o)
			register(t, b.Redis, service("shop", node(strconv.Itoa(i))))
			all = append(all, b)
		}
		time.Sleep(time.Minute)
		crashed := all[0]
		crashed.link.set(true)
		time.Sleep(defaultTTL + time.Second)
		reaped := 0
		for _, b := range all[1:] {
			events, _ := take[registry.ReapEvent](b)
			reaped += len(events)
		}
		if reaped != 1 {
			t.Errorf("%d reaps of one node", reaped)
		}
		if members, err := server.ZMembers("rollcall:{default/shop}:index"); err != nil || len(members) != 4 {
			t.Errorf("the index lists %v (%v), want the four that live", members, err)
		}
	})
}
