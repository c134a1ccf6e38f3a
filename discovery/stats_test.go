package discovery_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/registry"
)

// wantStats compares the stats of a Resolver that follows one service.
func wantStats(t *testing.T, r *discovery.Resolver, want discovery.ServiceStats) {
	t.Helper()
	got, err := r.Stats()
	if err != nil {
		t.Fatal(err)
	}
	want.Service, want.Since = "shop", followedAt(got)
	if diff := cmp.Diff([]discovery.ServiceStats{want}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// followedAt is when the service was followed: lately.
func followedAt(got []discovery.ServiceStats) (at time.Time) {
	if len(got) == 1 && time.Since(got[0].Since) < time.Minute {
		at = got[0].Since
	}
	return at
}

// Stats counts calls, what fails, and what is done about it.
func TestStatsOfCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource()
		src.set("shop", shop(1, "a", "b", "c"))
		r := resolver(t, src, discovery.RetryBudget(0, 1), discovery.Ejection(2, time.Hour, time.Hour))
		call(t, r, "a", 2, nil) // before anything listens
		want := discovery.ServiceStats{Nodes: 3, Ready: 3, Views: 1}
		wantStats(t, r, want)

		call(t, r, "a", 5, nil)
		want.Calls = 5
		wantStats(t, r, want)

		fails := func(context.Context, *registry.Node) error { return errBroken }
		if err := r.Do(t.Context(), "shop", fails); !errors.Is(err, errBroken) {
			t.Fatal(err)
		}
		want.Calls, want.Failed, want.Retries = 8, 3, 2
		wantStats(t, r, want)

		call(t, r, "a", 1, errBroken)
		want.Calls, want.Failed, want.Ejections, want.Ejected, want.Ready, want.Views = 9, 4, 1, 1, 2, 2
		wantStats(t, r, want)

		if _, err := r.Pick(t.Context(), "shop", discovery.Version("other")); !errors.Is(err, discovery.ErrNoNodes) {
			t.Fatal(err)
		}
		want.NoNodes = 1
		wantStats(t, r, want)

		for range 20 { // until the budget is spent
			_ = r.Do(t.Context(), "shop", fails)
		}
		if got, err := r.Stats(); err != nil || got[0].Denied == 0 || got[0].Retries > 12 {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

// Stats shows the health of the view; a name that is no service has none.
func TestStatsOfTheView(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource()
		v := shop(1, "a", "b", "c")
		v.Held, v.StaleSince, v.RefusedSince, v.Err = []string{"a"}, time.Now(), time.Now(), registry.ErrUnavailable
		src.set("shop", v)
		src.set("unknown", &registry.View{})
		r := resolver(t, src)
		resolve(t, r)
		_, _ = r.Resolve(t.Context(), "unknown")
		wantStats(t, r, discovery.ServiceStats{
			Nodes: 3, Ready: 3, Held: 1, StaleSince: v.StaleSince, RefusedSince: v.RefusedSince, Views: 1,
		})
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		_, err := r.Stats()
		wantErr(t, "after Close", err, registry.ErrClosed)
		_, err = discovery.New(nil).Stats()
		wantErr(t, "without a source", err, registry.ErrInvalid)
	})
}

// No call is missed, however many begin at once.
func TestStatsOfCallsAtOnce(t *testing.T) {
	src := newFakeSource()
	src.set("shop", shop(1, "a", "b", "c"))
	r := resolver(t, src)
	if _, err := r.Stats(); err != nil { // before the service is followed
		t.Fatal(err)
	}
	resolve(t, r)
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() { call(t, r, "b", 500, nil) })
	}
	all.Wait()
	wantStats(t, r, discovery.ServiceStats{Nodes: 3, Ready: 3, Views: 1, Calls: 8000})
}
