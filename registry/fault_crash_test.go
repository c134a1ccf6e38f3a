package registry_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// A process that dies without Deregister is gone a TTL and a second later, from
// GetService and from the index, however busy Redis is with expiring the keys of
// others.
func TestCrashAmongForeignKeys(t *testing.T) {
	t.Parallel()
	for _, events := range []string{"", "Kx"} {
		t.Run("notify-keyspace-events "+events, func(t *testing.T) {
			t.Parallel()
			const ttl = 2 * time.Second
			server := redistest.Start(t, "--notify-keyspace-events", events)
			proxy := redistest.StartProxy(t, server.Addr())
			seen := newStates()
			var others []*registry.Redis
			for _, id := range []string{"b", "c"} {
				r := open(t, at(server), registry.TTL(ttl), registry.Interval(ttl/4))
				register(t, r, service("shop", node(id)), seen.option())
				seen.next(t, registry.Live)
				others = append(others, r)
			}
			server.FillForeignTTL(100_000)
			crashing := open(t, at(proxy), registry.TTL(ttl), registry.Interval(ttl/4))
			register(t, crashing, service("shop", node("a")))
			shop := storedServiceOf(t, server.Client(), "shop")
			if err := showsOnly(t.Context(), others[0], "shop", "a", "b", "c"); err != nil {
				t.Fatal(err)
			}

			proxy.Cut()
			crash := time.Now()
			since(t, crash, ttl+time.Second, "gone from GetService", func() error {
				return showsOnly(t.Context(), others[0], "shop", "b", "c")
			})
			since(t, crash, ttl+time.Second, "gone from the index", func() error { return shop.indexed("b", "c") })
			if diff := cmp.Diff([]string{"put b", "put c", "put a", "exp a"}, shop.changes()); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
			seen.none(t)

			proxy.Heal() // the process was only cut off: it is back under its lease
			eventually(t, patience, func() error {
				return errors.Join(shop.indexed("a", "b", "c"), showsOnly(t.Context(), crashing, "shop", "a", "b", "c"))
			})
		})
	}
}
