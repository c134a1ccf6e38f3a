package registry_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// Whatever Redis forgets is back within an interval and a second, under the
// leases that they had before.
func TestRedisForgets(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		mishap func(*redistest.Server)
		forgot bool
	}{
		{"flush", (*redistest.Server).Flush, true},
		{"killed and back empty", func(s *redistest.Server) { s.Kill(); s.Restart(false) }, true},
		{"restarted with its data", func(s *redistest.Server) { s.Restart(true) }, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			const interval = 500 * time.Millisecond
			server := redistest.Start(t)
			first := open(t, at(server), registry.TTL(5*time.Second), registry.Interval(interval))
			second := open(t, at(server), registry.TTL(5*time.Second), registry.Interval(interval))
			seen := newStates()
			nodes := 0
			for i, r := range []*registry.Redis{first, second} {
				for _, name := range []string{"shop", "cart", "pay"} {
					for _, version := range []string{"v1", "v2"} {
						for _, ns := range []string{"", "eu"} {
							s := service(name, node(fmt.Sprintf("%s-%d-a", version, i)), node(fmt.Sprintf("%s-%d-b", version, i)))
							s.Version, s.Namespace = version, ns
							register(t, r, s, seen.option())
							nodes += len(s.Nodes)
							seen.next(t, registry.Live)
						}
					}
				}
			}
			reader := open(t, at(server))
			before, err := everything(t.Context(), reader)
			if err != nil {
				t.Fatal(err)
			}
			shop := storedServiceOf(t, server.Client(), "shop")
			lease, changes := shop.lease("v1-0-a"), shop.changes()
			epoch, rev := shop.version()

			tc.mishap(server)
			within(t, interval+time.Second, fmt.Sprintf("%d nodes back", nodes), func() error {
				after, err := everything(t.Context(), reader)
				if err != nil {
					return err
				}
				if diff := cmp.Diff(before, after); diff != "" {
					return fmt.Errorf("not as before (-before +after):\n%s", diff)
				}
				return nil
			})

			if got := shop.lease("v1-0-a"); got != lease {
				t.Errorf("the lease was %s and is %s", lease, got)
			}
			newEpoch, newRev := shop.version()
			if !tc.forgot {
				if diff := cmp.Diff(changes, shop.changes()); diff != "" || newEpoch != epoch || newRev != rev {
					t.Errorf("changes where nothing had changed: %s %d, then %s %d %s", epoch, rev, newEpoch, newRev, diff)
				}
			} else if want := 8; newEpoch == epoch || newRev != want || strings.Contains(fmt.Sprint(shop.changes()), "exp") {
				t.Errorf("epoch %s, then %s; rev %d, want %d: %v", epoch, newEpoch, newRev, want, shop.changes())
			}
			seen.returned(t)
		})
	}
}

// everything is what a reader sees of all namespaces.
func everything(ctx context.Context, r *registry.Redis) ([]*registry.Service, error) {
	all, err := r.ListServices(ctx, registry.ListNamespace("*"))
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"shop", "cart", "pay"} {
		services, err := r.GetService(ctx, name, registry.GetNamespace("*"))
		if err != nil {
			return nil, err
		}
		all = append(all, services...)
	}
	return all, nil
}

// A key that is evicted, or deleted by hand, comes back by itself.
func TestKeyVanishes(t *testing.T) {
	t.Parallel()
	const interval = 500 * time.Millisecond
	server := redistest.Start(t)
	r := open(t, at(server), registry.TTL(5*time.Second), registry.Interval(interval))
	shop := storedServiceOf(t, server.Client(), "shop")
	seen := newStates()
	register(t, r, service("shop", node("a"), node("b")), seen.option())
	seen.next(t, registry.Live)
	a, b := shop.lease("a"), shop.lease("b")
	back := func() error {
		if err := shop.indexed("a", "b"); err != nil {
			return err
		}
		if shop.lease("a") != a || shop.lease("b") != b {
			return fmt.Errorf("leases %s and %s, want %s and %s", shop.lease("a"), shop.lease("b"), a, b)
		}
		return showsOnly(t.Context(), r, "shop", "a", "b")
	}
	for _, tc := range []struct {
		key  string
		revs int // that its return takes
	}{
		{shop.Node("a"), 1},
		{shop.Index(), 2},
	} {
		_, rev := shop.version()
		if n := server.Client().Del(t.Context(), tc.key).Val(); n != 1 {
			t.Fatalf("DEL %s: %d", tc.key, n)
		}
		within(t, interval, tc.key+" back", back)
		if _, got := shop.version(); got != rev+tc.revs {
			t.Errorf("%s: rev %d, then %d: want %d changes", tc.key, rev, got, tc.revs)
		}
	}

	epoch, _ := shop.version()
	server.Client().Del(t.Context(), shop.Version())
	changed := node("a")
	changed.Zone = "north"
	register(t, r, service("shop", changed))
	if got, rev := shop.version(); got == epoch || got == "" || rev != 1 {
		t.Errorf("after the version vanished: epoch %q, rev %d; before, epoch %q", got, rev, epoch)
	}
	seen.returned(t)
}
