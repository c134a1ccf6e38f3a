package discovery_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// The registrars of six of ten nodes lose their network: five go, the sixth is
// guarded, and goes a TTL later. Nodes that live are listed all the time. Then the six
// come back, and four deregister: nothing is guarded.
func TestGuardOnRedis(t *testing.T) {
	const ttl = 2 * time.Second
	redistest.Each(t, func(t *testing.T, tp redistest.Topology) {
		living := open(t, tp, registry.TTL(ttl), registry.Interval(ttl/4))
		register(t, living, static("shop", "1", "n6", "n7", "n8", "n9"))
		client, network := linked(t, tp)
		dying := open(t, tp, registry.Client(client), registry.TTL(ttl), registry.Interval(ttl/4))
		register(t, dying, static("shop", "2", "n0", "n1", "n2", "n3", "n4", "n5"))
		r := resolver(t, living)
		bold := resolver(t, living, discovery.Guard(0))
		until(t, r, func(v *discovery.View) bool { return len(v.Nodes()) == 10 })
		until(t, bold, func(v *discovery.View) bool { return len(v.Nodes()) == 10 })

		network.set(true)
		died := time.Now()
		until(t, r, func(v *discovery.View) bool { return len(v.Guarded()) > 0 })
		kept := time.Now()
		v := until(t, r, func(v *discovery.View) bool { return len(v.Nodes()) == 5 })
		same(t, "guarded", len(v.Guarded()), 1)
		if n := v.Nodes()[4]; n.ID != v.Guarded()[0] || v.ServiceOf(n).Version != "2" || n.Address != n.ID+":80" {
			t.Errorf("%v is guarded, and shown as %+v of version %q", v.Guarded(), n, v.ServiceOf(n).Version)
		}
		for range 100 {
			p, err := r.Pick(t.Context(), "shop", discovery.Version("2"))
			if err != nil || p.Node().ID != v.Guarded()[0] {
				t.Fatalf("a pick of those that ran out: %v, %v", p.Node(), err)
			}
		}
		until(t, bold, func(v *discovery.View) bool { return ids(v.Nodes()) == "n6 n7 n8 n9" && len(v.Guarded()) == 0 })
		until(t, r, func(v *discovery.View) bool { return ids(v.Nodes()) == "n6 n7 n8 n9" && len(v.Guarded()) == 0 })
		t.Logf("guarded %v after the crash, kept for %v of a TTL of %v", kept.Sub(died), time.Since(kept), ttl)

		network.set(false)
		until(t, r, func(v *discovery.View) bool { return len(v.Nodes()) == 10 })
		if err := living.Deregister(t.Context(), &registry.Service{Name: "shop"}); err != nil {
			t.Fatal(err)
		}
		v = until(t, r, func(v *discovery.View) bool { return len(v.Nodes()) == 6 })
		same(t, "guarded after goodbyes", len(v.Guarded()), 0)
	})
}

// simulated makes registries on one Redis in the time of testing/synctest. Each has a
// network of its own.
func simulated(t *testing.T) (join func() (*registry.Redis, *network)) {
	_, o := redistest.Synctest(t)
	return func() (*registry.Redis, *network) {
		l, own := &network{dial: o.Dialer}, *o
		own.Dialer = l.connect
		client := redis.NewClient(&own)
		r := registry.NewRegistry(registry.Client(client))
		t.Cleanup(func() {
			l.set(false)
			time.Sleep(2 * time.Second) // go-redis notices after a second that a server is back
			if err := r.Close(context.Background()); err != nil {
				t.Errorf("Close: %v", err)
			}
			if err := client.Close(); err != nil {
				t.Errorf("close the client: %v", err)
			}
		})
		return r, l
	}
}

// No process reaches Redis for a minute, four TTLs, under steady calls: no pick
// fails, and no node that lives is ever missing, also when it is back.
func TestNoPickFailsThroughAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		join := simulated(t)
		server, serverNet := join()
		client, clientNet := join()
		register(t, server, static("shop", "", "a", "b", "c"))
		r := resolver(t, client)
		resolve(t, r)
		calls, failed := 0, 0
		call := func(d time.Duration) {
			for end := time.Now().Add(d); time.Now().Before(end); calls++ {
				p, err := r.Pick(t.Context(), "shop")
				if err != nil {
					failed++
				}
				p.Done(nil)
				if v := resolve(t, r); ids(v.Nodes()) != "a b c" {
					t.Fatalf("%s at call %d, stale since %v", ids(v.Nodes()), calls, v.StaleSince())
				}
				time.Sleep(10 * time.Millisecond)
			}
		}
		call(10 * time.Second)
		serverNet.set(true)
		clientNet.set(true)
		cut := time.Now()
		call(60 * time.Second)
		v := resolve(t, r)
		if v.Live() || v.StaleSince().Before(cut) || v.Age() < 50*time.Second {
			t.Errorf("stale since %v, of age %v, cut at %v", v.StaleSince(), v.Age(), cut)
		}
		wantErr(t, "because", &registry.OpError{Err: v.Err()}, registry.ErrUnavailable)
		serverNet.set(false)
		clientNet.set(false)
		call(60 * time.Second)
		same(t, "live again", resolve(t, r).Live(), true)
		same(t, "failed picks", failed, 0)
		t.Logf("%d picks, %d failed, 60 s of them without Redis", calls, failed)
	})
}

// Through a loss of all that register, guarded nodes stay as long as Redis is away.
func TestGuardInAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		join := simulated(t)
		server, serverNet := join()
		client, clientNet := join()
		var nodes []string
		for i := range 10 {
			nodes = append(nodes, fmt.Sprint("n", i))
		}
		register(t, server, static("shop", "", nodes...))
		opt, log := logged()
		r := resolver(t, client, opt)
		resolve(t, r)
		serverNet.set(true)
		time.Sleep(registry.DefaultTTL + 5*time.Second)
		v := resolve(t, r)
		same(t, "nodes", ids(v.Nodes()), "n5 n6 n7 n8 n9")
		same(t, "guarded", len(v.Guarded()), 5)
		same(t, "lines of the log", strings.Count(log(), "they stay listed"), 1)
		clientNet.set(true)
		time.Sleep(5 * time.Minute)
		same(t, "while Redis is away", ids(resolve(t, r).Nodes()), "n5 n6 n7 n8 n9")
		clientNet.set(false)
		time.Sleep(30 * time.Second)
		v = resolve(t, r)
		same(t, "live", v.Live(), true)
		same(t, "afterwards, the last ones", ids(v.Nodes()), "n5 n6 n7 n8 n9")
		same(t, "guarded", len(v.Guarded()), 5)
		serverNet.set(false)
		time.Sleep(30 * time.Second)
		same(t, "they come back", len(resolve(t, r).Nodes()), 10)
		same(t, "guarded", len(resolve(t, r).Guarded()), 0)
		same(t, "lines of its end", strings.Count(log(), "any more whose lease ran out"), 1)
	})
}
