package hertzadapter

import (
	"errors"
	"testing"
	"time"

	hertzdiscovery "github.com/cloudwego/hertz/pkg/app/client/discovery"
	"github.com/cloudwego/hertz/pkg/common/config"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
	"github.com/rollcall-go/rollcall/registry/embedded"
)

// each runs f on an embedded Redis and on a real one.
func each(t *testing.T, f func(t *testing.T, url string)) {
	t.Run("embedded", func(t *testing.T) { f(t, redistest.SharedEmbedded(t).URL()) })
	t.Run("redis", func(t *testing.T) { f(t, redistest.SharedStandalone(t).URL()) })
}

func wantNoNodes(t *testing.T, r registry.Registry) {
	t.Helper()
	if services, err := r.GetService(t.Context(), "shop"); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("GetService: %v, %v, want ErrNotFound", services, err)
	}
}

func TestAClientFindsServersByName(t *testing.T) {
	each(t, func(t *testing.T, url string) {
		r := connect(t, url)
		a := NewRegistry(r)
		one := serve(t, "one", a, map[string]string{"version": "v1", "zone": "eu"})
		two := serve(t, "two", a, map[string]string{"version": "v2", "zone": "eu", "team": "blue"})
		one.up(t)
		two.up(t)

		c := dialer(t, NewResolver(live(t, r)))
		seen := make(map[string]bool)
		await(t, "both servers answer", func() bool {
			name, err := c.call()
			must(t, err)
			seen[name] = true
			return len(seen) == 2
		})
		for range 20 {
			for want, tag := range map[string][2]string{"one": {"version", "v1"}, "two": {"team", "blue"}} {
				if got, err := c.call(config.WithTag(tag[0], tag[1])); err != nil || got != want {
					t.Fatalf("tag %v: %q, %v, want %q", tag, got, err, want)
				}
			}
		}
		if got, err := c.call(config.WithTag("version", "v3")); err == nil {
			t.Errorf("version v3: %q", got)
		}

		c.c.CloseIdleConnections() // a shutdown waits for them
		one.stop(t)
		two.stop(t)
		wantNoNodes(t, r)
	})
}

func TestSIGTERMInTheFirstSecond(t *testing.T) {
	each(t, func(t *testing.T, url string) {
		r := connect(t, url)
		s := serve(t, "one", NewRegistry(r), nil)
		s.stop(t)
		s.up(t) // Hertz registers all the same
		wantNoNodes(t, r)
	})
}

func TestADrainingServerIsPickedOnlyAlone(t *testing.T) {
	each(t, func(t *testing.T, url string) {
		r := connect(t, url)
		a := NewRegistry(r, WithDrain(2*time.Second))
		one, two := serve(t, "one", a, nil), serve(t, "two", a, nil)
		one.up(t)
		two.up(t)

		v := NewResolver(live(t, r))
		resolved := func() string {
			res, err := v.Resolve(t.Context(), "shop")
			must(t, err)
			var all string
			for _, in := range res.Instances {
				all += in.Address().String() + " "
			}
			return all
		}
		one.shut <- nil
		await(t, "the draining server is no longer resolved", func() bool { return resolved() == two.addr+" " })
		services, err := r.GetService(t.Context(), "shop")
		if err != nil || len(services[0].Nodes) != 2 {
			t.Errorf("%v, %v: the draining server has to stay until its drain is over", services, err)
		}
		two.shut <- nil
		await(t, "both drain and both are resolved", func() bool { return len(resolved()) > len(two.addr)+1 })
	})
}

func TestServerStartsWhileRedisIsAway(t *testing.T) {
	s := redistest.Start(t)
	s.Kill()
	r := connect(t, s.URL(), registry.Timeout(500*time.Millisecond))
	h := serve(t, "one", NewRegistry(r), nil)
	h.up(t)
	s.Restart(false)
	c := dialer(t, NewResolver(live(t, r)))
	await(t, "the server is found once Redis is there", func() bool {
		name, err := c.call()
		return err == nil && name == "one"
	})
}

func TestStrictEndsTheServerWhileRedisIsAway(t *testing.T) {
	s := redistest.Start(t)
	s.Kill()
	r := connect(t, s.URL(), registry.Timeout(500*time.Millisecond))
	h := serve(t, "one", NewRegistry(r, WithStrict()), nil)
	if err := <-h.registered; !errors.Is(err, registry.ErrUnavailable) {
		t.Errorf("Register: %v, want ErrUnavailable", err)
	}
	select {
	case <-h.done:
	case <-time.After(10 * time.Second):
		t.Error("the server goes on")
	}
}

func TestShutdownIsBoundedWhileRedisHangs(t *testing.T) {
	s := redistest.Start(t)
	r := connect(t, s.URL())
	h := serve(t, "one", NewRegistry(r, WithDrain(time.Second)), nil)
	h.up(t)
	s.Pause()
	start := time.Now()
	h.stop(t)
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("the shutdown took %v", took)
	}
	s.Resume()
}

// Hertz's balancers are global to the process. Clients of two Redises must not
// get each other's servers.
func TestTwoRedisesDoNotMix(t *testing.T) {
	clients := make(map[string]hertzClient)
	for _, name := range []string{"one", "two"} {
		s, err := embedded.Start()
		must(t, err)
		t.Cleanup(func() { _ = s.Close() })
		r := connect(t, s.URL())
		serve(t, name, NewRegistry(r), nil).up(t)
		clients[name] = dialer(t, NewResolver(live(t, r)))
	}
	for range 20 {
		for want, c := range clients {
			if got, err := c.call(); err != nil || got != want {
				t.Fatalf("%q, %v, want %q", got, err, want)
			}
		}
	}
}

func TestNamespacesAreApart(t *testing.T) {
	each(t, func(t *testing.T, url string) {
		r := connect(t, url)
		serve(t, "one", NewRegistry(r, WithNamespace("blue")), nil).up(t)
		if got, err := dialer(t, NewResolver(live(t, r))).call(); !errors.Is(err, registry.ErrNotFound) {
			t.Errorf("in the default namespace: %q, %v, want ErrNotFound", got, err)
		}
		if got, err := dialer(t, NewResolver(live(t, r), WithNamespace("blue"))).call(); err != nil || got != "one" {
			t.Errorf("in its namespace: %q, %v", got, err)
		}
	})
}

func TestTTLIsTheOneThatWasAskedFor(t *testing.T) {
	each(t, func(t *testing.T, url string) {
		r := connect(t, url)
		a := NewRegistry(r, WithTTL(7*time.Second))
		must(t, a.Register(shopAt("10.0.0.1:80")))
		services, err := r.GetService(t.Context(), "shop")
		if err != nil || services[0].TTL != 7*time.Second {
			t.Errorf("%v, %v, want a TTL of 7s", services, err)
		}
		must(t, a.Deregister(shopAt("10.0.0.1:80")))
		wantNoNodes(t, r)
	})
}

func TestResolveWhileRedisIsAway(t *testing.T) {
	s := redistest.Start(t)
	s.Kill()
	v := NewResolver(live(t, connect(t, s.URL(), registry.Timeout(500*time.Millisecond))))
	if res, err := v.Resolve(t.Context(), v.Target(t.Context(), &hertzdiscovery.TargetInfo{Host: "shop"})); !errors.Is(err, registry.ErrUnavailable) {
		t.Errorf("%v, %v, want ErrUnavailable", res, err)
	}
}
