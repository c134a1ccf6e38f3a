package registry_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

const day = 24 * time.Hour

var watchingExpiry = []testCase{
	{"a history that expires is followed by the next", watchOverExpiry},
	{"a service that crashed expires with its history", watchOverCrash},
}

// kept wants index, version and log to expire in so long: a day after the last lease
// at the least.
func (b rawService) kept(keys []string, least, most time.Duration) {
	b.t.Helper()
	for _, k := range keys {
		if left, err := b.client.PTTL(b.t.Context(), k).Result(); err != nil || left < least || left > most {
			b.t.Errorf("%s expires in %v, want %v to %v: %v", k, left, least, most, err)
		}
	}
}

// forget has the keys of the service expire at once, a day early.
func (b rawService) forget(keys []string) {
	b.t.Helper()
	for _, k := range keys {
		if ok, err := b.client.PExpire(b.t.Context(), k, time.Millisecond).Result(); !ok || err != nil {
			b.t.Fatalf("shorten the life of %s: %v, %v", k, ok, err)
		}
	}
	eventually(b.t, patience, func() error {
		if n, err := b.client.Exists(b.t.Context(), keys...).Result(); n > 0 || err != nil {
			return fmt.Errorf("%d keys are left, %w", n, err)
		}
		return nil
	})
}

// The readers may poll between the end of a history and the begin of the next, or
// not: each round is one or the other.
func watchOverExpiry(t *testing.T, tp redistest.Topology) {
	b, r, reader := behind(t, tp, "shop"), open(t, tp, renewRarely), open(t, tp, registry.PollInterval(100*time.Millisecond))
	seldom := open(t, tp, registry.PollInterval(time.Hour))
	one, all, slow := watch(t, reader, registry.WatchService("shop")), watch(t, reader), watch(t, seldom, registry.WatchService("shop"))
	recorders, followed := []*recorder{one, all, slow}, follow(t, reader, "shop")
	history := []string{b.keys.Version(), b.keys.Log()}
	histories := map[string]bool{}
	for round := range 5 {
		id := fmt.Sprint("n", round%2) // each comes back, with an override that waits for it
		register(t, r, service("shop", node(id)))
		b.kept(append(history, b.keys.Index()), day, day+time.Hour+time.Minute)
		for _, a := range recorders {
			res := a.expect("create /" + id)[0]
			if res.Revision != 1 {
				t.Errorf("revision %d of the first change of a history", res.Revision)
			}
			histories[res.History] = true
			if want := round >= 2; (res.Service.Nodes[0].Weight == 7) != want {
				t.Errorf("weight %d, with an override: %v", res.Service.Nodes[0].Weight, want)
			}
		}
		v := untilView(t, followed, func(v *registry.View) bool { return shown(v) == "/"+id+" " })
		if len(v.Held) > 0 || len(v.Lapsed) > 0 || !histories[v.History] {
			t.Errorf("the view holds %v, lapsed %v, history %s", v.Held, v.Lapsed, v.History)
		}
		if round < 2 {
			b.override(id, `{"weight":7}`)
			for _, a := range recorders {
				a.expect("update /" + id)
			}
		}
		deregister(t, r, service("shop"))
		b.kept(history, day-time.Hour, day)
		for _, a := range recorders {
			a.expect("delete /" + id)
		}
		untilView(t, followed, func(v *registry.View) bool { return shown(v) == "" })
		b.forget(history)
	}
	if len(histories) != 5 {
		t.Errorf("%d histories in 5 rounds", len(histories))
	}
}

// No other registry serves the service, so none reaps the node: readers see by themselves
// that it is dead. That its keys expire a day later is no change, and the next
// node begins a history that all watchers follow.
func watchOverCrash(t *testing.T, tp redistest.Topology) {
	b, reader := behind(t, tp, "shop"), open(t, tp, registry.PollInterval(100*time.Millisecond))
	seldom := open(t, tp, registry.PollInterval(time.Hour))
	one, all, slow := watch(t, reader, registry.WatchService("shop")), watch(t, reader), watch(t, seldom, registry.WatchService("shop"))
	recorders, followed := []*recorder{one, all, slow}, follow(t, reader, "shop")
	keys := []string{b.keys.Index(), b.keys.Version(), b.keys.Log()}
	histories := map[string]bool{}
	for round := range 3 {
		id := fmt.Sprint("n", round%2)
		b.plant(id, time.Second, `{"v":1,"address":"10.0.0.9:80","ttl":1000}`)
		b.kept(keys, day, day+time.Hour+time.Second)
		for _, a := range recorders {
			res := a.expect("create /" + id)[0]
			if res.Revision != 1 {
				t.Errorf("revision %d of the first change of a history", res.Revision)
			}
			histories[res.History] = true
		}
		untilView(t, followed, func(v *registry.View) bool { return shown(v) == "/"+id+" " })
		for _, a := range recorders {
			a.expect("delete /" + id)
		}
		untilView(t, followed, func(v *registry.View) bool { return shown(v) == "" })
		if b.end(id) == 0 {
			t.Errorf("%s was reaped, and no registry serves the service", id)
		}
		b.forget(keys)
	}
	if len(histories) != 3 {
		t.Errorf("%d histories in 3 rounds", len(histories))
	}
}

// A day without nodes passes in a simulation: Redis's own TTLs leave nothing of 50
// services but the entries of the catalogues, and after a week not even these.
func TestServicesThatLeftLeaveNothing(t *testing.T) {
	inSimulation(t, func(b *simulation) {
		for i := range 50 {
			register(b.t, b.Redis, service(fmt.Sprint("shop", i), node("a")))
		}
		for i := range 50 {
			deregister(b.t, b.Redis, service(fmt.Sprint("shop", i)))
		}
		time.Sleep(23 * time.Hour)
		if n := len(b.server.Keys()); n != 50*2+2 {
			b.t.Errorf("%d keys after 23 hours, want the version and the log of each service, and two catalogues", n)
		}
		time.Sleep(2 * time.Hour)
		if keys := b.server.Keys(); len(keys) != 2 {
			b.t.Errorf("after a day: %v, want two catalogues", keys)
		}
		time.Sleep(7 * 24 * time.Hour)
		if keys := b.server.Keys(); len(keys) != 0 {
			b.t.Errorf("after a week: %v, want nothing", keys)
		}
	})
}

// A process that is killed deregisters nothing. No registry reaps its nodes, and their
// services leave nothing all the same, a day after their last leases, and an hour more
// at most.
func TestServicesThatCrashLeaveNothing(t *testing.T) {
	inSimulation(t, func(b *simulation) {
		// One registry for each service: the pipes of a simulation have no room for the
		// replies of several calls.
		crash := func(s *registry.Service, lives time.Duration, opts ...registry.RegisterOption) {
			client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:6379", Dialer: b.link.connect, MaxRetries: -1})
			r := registry.NewRegistry(registry.Client(client), registry.Prefix("rollcall"))
			register(b.t, r, s, opts...)
			time.Sleep(lives)
			b.link.set(true)
			if err := r.Close(b.t.Context()); err == nil {
				b.t.Error("the process could deregister its nodes")
			}
			if err := client.Close(); err != nil {
				b.t.Error(err)
			}
			b.link.set(false)
		}
		left := func(when string, services, nodes int) {
			b.t.Helper()
			if keys := b.server.Keys(); len(keys) != 3*services+nodes+2 {
				b.t.Errorf("%s: %v, want index, version and log of %d services, %d nodes, and two catalogues",
					when, keys, services, nodes)
			}
		}
		crash(service("manual", node("a")), 0, registry.RegisterManual(), registry.RegisterTTL(72*time.Hour))
		crash(service("brief", node("a")), 0)
		crash(service("long", node("a"), node("b")), 2*time.Hour)
		left("after 2 hours of renewals", 3, 1+2)
		time.Sleep(22*time.Hour + 30*time.Minute)
		left("22.5 hours after the crash", 3, 1)
		time.Sleep(3 * time.Hour)
		left("25.5 hours after the crash", 1, 1)
		time.Sleep(67 * time.Hour)
		left("23 hours after the manual node", 1, 0)
		time.Sleep(3 * time.Hour)
		left("26 hours after the manual node", 0, 0)
	})
}
