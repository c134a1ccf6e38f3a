package registry_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

func TestFollow(t *testing.T) {
	redistest.Each(t, func(t *testing.T, tp redistest.Topology) {
		server, client := open(t, tp), open(t, tp)
		first, second := follow(t, client, "shop"), follow(t, client, "shop")
		for _, f := range []registry.Follower{first, second} {
			if v := nextView(t, f); len(v.Services) != 0 || !v.StaleSince.IsZero() {
				t.Fatalf("the view before anything registered: %+v", v)
			}
		}

		s := service("shop", node("a"), node("b"))
		s.Version = "1"
		register(t, server, s)
		seen := untilView(t, first, func(v *registry.View) bool { return shown(v) == "1/a 1/b " })
		if same := untilView(t, second, func(v *registry.View) bool { return shown(v) == "1/a 1/b " }); same != seen {
			t.Error("two followers of one service have two copies of one view")
		}

		s.Version, s.Nodes = "2", s.Nodes[:1]
		register(t, server, s)
		v := untilView(t, first, func(v *registry.View) bool { return shown(v) == "1/b 2/a " })
		if shown(seen) != "1/a 1/b " {
			t.Error("a view changed under its reader")
		}
		if v.Revision <= seen.Revision || v.History != seen.History {
			t.Errorf("revision %d in %s after %d in %s", v.Revision, v.History, seen.Revision, seen.History)
		}
		late := follow(t, client, "shop")
		if v := nextView(t, late); shown(v) != "1/b 2/a " {
			t.Errorf("a late follower begins with %s", shown(v))
		}

		deregister(t, server, service("shop"))
		untilView(t, first, func(v *registry.View) bool { return shown(v) == "" })

		first.Stop()
		first.Stop()
		if _, err := first.Next(t.Context()); !errors.Is(err, registry.ErrWatcherStopped) {
			t.Errorf("Next after Stop: %v", err)
		}
		if err := client.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := second.Next(t.Context()); !errors.Is(err, registry.ErrClosed) {
			t.Errorf("Next after Close: %v", err)
		}
		if _, err := client.Follow("shop"); !errors.Is(err, registry.ErrClosed) {
			t.Errorf("Follow after Close: %v", err)
		}
	})
}

// Redis goes away and comes back: the view stays, says since when it is stale,
// and is live again.
func TestFollowThroughAnOutage(t *testing.T) {
	redis := redistest.Start(t)
	tp := redistest.Topology{Name: "standalone", Addrs: []string{redis.Addr()}}
	r := open(t, tp, registry.Timeout(time.Second), registry.PollInterval(200*time.Millisecond))
	register(t, r, service("shop", node("a")))
	f := follow(t, r, "shop")
	untilView(t, f, func(v *registry.View) bool { return shown(v) == "/a " })

	before := time.Now()
	redis.Kill()
	v := untilView(t, f, func(v *registry.View) bool { return !v.StaleSince.IsZero() })
	if shown(v) != "/a " {
		t.Errorf("the view lost its node with Redis away: %s", shown(v))
	}
	if v.StaleSince.Before(before) || !errors.Is(v.Err, registry.ErrUnavailable) {
		t.Errorf("stale since %v for %v, want since after %v for ErrUnavailable", v.StaleSince, v.Err, before)
	}

	redis.Restart(false)
	for {
		v = nextView(t, f)
		if shown(v) != "/a " {
			t.Fatalf("a view without the node that lives: %s, held %v", shown(v), v.Held)
		}
		if v.StaleSince.IsZero() && len(v.Held) == 0 {
			break
		}
	}
}

func TestFollowFromTheStartWithRedisAway(t *testing.T) {
	redis := redistest.Start(t)
	redis.Kill()
	tp := redistest.Topology{Name: "standalone", Addrs: []string{redis.Addr()}}
	r := open(t, tp, registry.Timeout(time.Second), registry.PollInterval(200*time.Millisecond))
	f := follow(t, r, "shop")
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	if _, err := f.Next(ctx); !errors.Is(err, registry.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("Next with Redis away: %v", err)
	}
	redis.Restart(false)
	if v := nextView(t, f); shown(v) != "" {
		t.Errorf("the first view: %s", shown(v))
	}
}

func TestFollowRefusesBadInput(t *testing.T) {
	r := open(t, redistest.Topology{Addrs: []string{redistest.SharedEmbedded(t).Addr()}})
	for name, call := range map[string]func() (registry.Follower, error){
		"empty name":     func() (registry.Follower, error) { return r.Follow("") },
		"control":        func() (registry.Follower, error) { return r.Follow("a\n") },
		"all namespaces": func() (registry.Follower, error) { return r.Follow("a", registry.FollowNamespace("*")) },
	} {
		if _, err := call(); !errors.Is(err, registry.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
		}
	}
}

// Without FollowNamespace a service of the registry's own namespace is followed.
func TestFollowNamespace(t *testing.T) {
	r := open(t, redistest.Topology{Addrs: []string{redistest.SharedEmbedded(t).Addr()}}, registry.Namespace("eu"))
	register(t, r, service("shop", node("own")))
	register(t, r, service("shop", node("other")), registry.RegisterNamespace("us"))
	for want, opts := range map[string][]registry.FollowOption{
		"/own ":   {nil, registry.FollowNamespace("")},
		"/other ": {registry.FollowNamespace("us")},
	} {
		f, err := r.Follow("shop", opts...)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Stop()
		if got := shown(nextView(t, f)); got != want {
			t.Errorf("%d options: %q, want %q", len(opts), got, want)
		}
	}
}

func follow(t *testing.T, r *registry.Redis, name string) registry.Follower {
	t.Helper()
	f, err := r.Follow(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Stop)
	return f
}

func nextView(t *testing.T, f registry.Follower) *registry.View {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	v, err := f.Next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// untilView waits for a view that is right.
func untilView(t *testing.T, f registry.Follower, right func(*registry.View) bool) *registry.View {
	t.Helper()
	for {
		if v := nextView(t, f); right(v) {
			return v
		}
	}
}

// shown are the nodes of a view as "version/id version/id ".
func shown(v *registry.View) string {
	var all string
	for _, s := range v.Services {
		for _, n := range s.Nodes {
			all += s.Version + "/" + n.ID + " "
		}
	}
	return all
}
