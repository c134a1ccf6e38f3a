package registry_test

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/lua"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// A Redis that was paused for longer than all TTLs has let all leases run
// out. Nodes that come back are not removed meanwhile; nodes that do not come back are.
func TestReaperSparesWhoCouldNotRenew(t *testing.T) {
	t.Parallel()
	const ttl, interval = 4 * time.Second, time.Second
	server := redistest.Start(t)
	proxy := redistest.StartProxy(t, server.Addr())
	shop := storedServiceOf(t, server.Client(), "shop")
	live := map[string]*states{}
	var ids []string
	for i := range 6 {
		id := fmt.Sprint("live-", i)
		ids, live[id] = append(ids, id), newStates()
		r := open(t, at(server), registry.TTL(ttl), registry.Interval(interval))
		register(t, r, service("shop", node(id)), live[id].option())
		live[id].next(t, registry.Live)
	}
	dead := open(t, at(proxy), registry.TTL(ttl), registry.Interval(interval))
	register(t, dead, service("shop", node("dead")))

	proxy.Cut()
	server.Pause()
	for _, seen := range live {
		seen.next(t, registry.Lost)
	}
	server.Resume()
	resumed := time.Now()
	for _, seen := range live {
		seen.next(t, registry.Live)
	}
	t.Logf("all live again %v after the pause", time.Since(resumed).Round(time.Millisecond))
	since(t, resumed, ttl/2+time.Second+ttl, "the dead one reaped", func() error { return shop.indexed(ids...) })
	if took, grace := time.Since(resumed), ttl/2+time.Second; took < grace {
		t.Errorf("a lease was checked after %v of contact, want %v", took, grace)
	}
	if diff := cmp.Diff([]string{"dead"}, shop.expired()); diff != "" {
		t.Errorf("removed as expired (-want +got):\n%s\n%v", diff, shop.changes())
	}
	proxy.Heal() // it was only cut off
	eventually(t, patience, func() error { return showsOnly(t.Context(), dead, "shop", append(ids, "dead")...) })
}

// A reaper that has just started does not know which nodes could have renewed.
func TestReaperFirstListens(t *testing.T) {
	t.Parallel()
	const ttl = 2 * time.Second
	const grace = ttl/2 + time.Second
	server := redistest.Start(t)
	shop := storedServiceOf(t, server.Client(), "shop")
	server.Client().ZAdd(t.Context(), shop.Index(), redis.Z{Score: 1, Member: "ghost"})
	r := open(t, at(server), registry.TTL(ttl))
	began := time.Now()
	register(t, r, service("shop", node("a")))
	since(t, began, grace+700*time.Millisecond, "the entry without a node reaped", func() error { return shop.indexed("a") })
	if took := time.Since(began); took < grace {
		t.Errorf("a lease was checked after %v of contact, want %v", took, grace)
	}
	if diff := cmp.Diff([]string{"put a", "exp ghost"}, shop.changes()); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

// An index that is behind is repaired, and no node is removed.
func TestReaperMendsIndex(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	shop := storedServiceOf(t, server.Client(), "shop")
	r := open(t, at(server), registry.TTL(5*time.Second))
	register(t, r, service("shop", node("a"))) // whose registry is the reaper
	register(t, open(t, at(server)), service("shop", node("b")), registry.RegisterTTL(time.Minute), registry.RegisterManual())
	_, rev := shop.version()
	server.Client().ZAdd(t.Context(), shop.Index(), redis.Z{Score: 1, Member: "b"})
	eventually(t, patience, func() error {
		if end := server.Client().ZScore(t.Context(), shop.Index(), "b").Val(); end == 1 {
			return errors.New("the index still says that b ran out")
		}
		return nil
	})
	if _, got := shop.version(); got != rev || len(shop.expired()) > 0 {
		t.Errorf("rev %d, then %d: %v", rev, got, shop.changes())
	}
}

// What is no node is swept out of the index as soon as it is overdue, so that it
// neither keeps the reaper busy nor hides who ran out.
func TestReaperSweeps(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	shop := storedServiceOf(t, server.Client(), "shop")
	index := []redis.Z{{Score: 2, Member: "ghost"}, {Score: float64(time.Now().Add(time.Hour).UnixMilli()), Member: "not due"}}
	for i := range 2 * lua.MaxNodes {
		index = append(index, redis.Z{Score: 1, Member: fmt.Sprint("no id ", i)})
	}
	server.Client().ZAdd(t.Context(), shop.Index(), index...)
	log := &logBuffer{}
	r := open(t, at(server), registry.TTL(2*time.Second), logInto(log))
	register(t, r, service("shop", node("a")))
	eventually(t, patience, func() error { return shop.indexed("a", "not due") })
	if diff := cmp.Diff([]string{"put a", "exp ghost"}, shop.changes()); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	wantLog(t, log, `"one":"no id `)
}

// A reap that waits in a stopped Redis finds all leases run out when its time
// comes. It does nothing.
func TestReapThatWaited(t *testing.T) {
	t.Parallel()
	const ttl, interval = 2 * time.Second, time.Second
	server := redistest.Start(t)
	shop := storedServiceOf(t, server.Client(), "shop")
	reaping, paused := make(chan struct{}), make(chan struct{})
	var armed atomic.Bool
	client := dial(t, server)
	client.AddHook(tap(func(script string) {
		if script == "reap" && armed.CompareAndSwap(true, false) {
			close(reaping)
			<-paused
		}
	}))
	seen := newStates()
	reaper := open(t, at(server), registry.Client(client), registry.TTL(ttl), registry.Interval(interval))
	register(t, reaper, service("shop", node("a")), seen.option())
	other := open(t, at(server), registry.TTL(ttl), registry.Interval(interval))
	register(t, other, service("shop", node("b")), seen.option())
	seen.next(t, registry.Live)
	seen.next(t, registry.Live)
	server.Client().ZAdd(t.Context(), shop.Index(), redis.Z{Score: 1, Member: "ghost"})
	eventually(t, patience, func() error { return shop.indexed("a", "b") }) // Redis knows the script now
	armed.Store(true)
	eventually(t, patience, func() error {
		select {
		case <-reaping:
			return nil
		default: // has the reaper look after b, which a renewal would prevent
			server.Client().ZAdd(t.Context(), shop.Index(), redis.Z{Score: 1, Member: "b"})
			return errors.New("no registry reaps")
		}
	})
	server.Pause()
	close(paused)
	for range 2 {
		seen.next(t, registry.Lost)
	}
	server.Resume()
	for range 2 {
		seen.next(t, registry.Live)
	}
	eventually(t, patience, func() error { return shop.indexed("a", "b") })
	if diff := cmp.Diff([]string{"ghost"}, shop.expired()); diff != "" {
		t.Errorf("removed as expired (-want +got):\n%s\n%v", diff, shop.changes())
	}
}
