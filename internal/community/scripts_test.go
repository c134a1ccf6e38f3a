package community

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/redistest"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// soon is a deadline that Redis's clock, which is ours, has not reached.
func soon() time.Time { return time.Now().Add(time.Minute) }

// each runs f on servers that count TTLs and on one that does not by itself.
func each(t *testing.T, f func(t *testing.T, c redis.UniversalClient)) {
	redistest.Each(t, func(t *testing.T, tp redistest.Topology) {
		c := tp.NewClient(t)
		f(t, c)
	})
}

func wantHash(t *testing.T, c redis.UniversalClient, want map[string]string) {
	t.Helper()
	got, err := c.HGetAll(t.Context(), Key("shop")).Result()
	must(t, err)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("the hash (-want +got):\n%s", d)
	}
}

func TestKeepWritesOneField(t *testing.T) {
	each(t, func(t *testing.T, c redis.UniversalClient) {
		must(t, c.HSet(t.Context(), Key("shop"), "old:1", "of another", "new:1", "stale").Err())
		for range 2 {
			now, err := Keep(t.Context(), c, "shop", "new:1", "ours", time.Minute, soon())
			must(t, err)
			if d := time.Since(now).Abs(); d > 5*time.Second {
				t.Errorf("Redis's time is %v away", d)
			}
		}
		wantHash(t, c, map[string]string{"old:1": "of another", "new:1": "ours"})
	})
}

func TestExpiryIsOnlyLengthened(t *testing.T) {
	each(t, func(t *testing.T, c redis.UniversalClient) {
		key := Key("shop")
		cases := map[string]struct {
			prepare func()
			atLeast time.Duration
			none    bool
		}{
			"a new hash gets ours": {prepare: func() {}, atLeast: 55 * time.Second},
			"a shorter one becomes ours": {prepare: func() {
				must(t, c.HSet(t.Context(), key, "old:1", "x").Err())
				must(t, c.Expire(t.Context(), key, 10*time.Second).Err())
			}, atLeast: 55 * time.Second},
			"a longer one stays": {prepare: func() {
				must(t, c.HSet(t.Context(), key, "old:1", "x").Err())
				must(t, c.Expire(t.Context(), key, time.Hour).Err())
			}, atLeast: 59 * time.Minute},
			"none stays none": {prepare: func() {
				must(t, c.HSet(t.Context(), key, "old:1", "x").Err())
			}, none: true},
		}
		for name, tc := range cases {
			must(t, c.Del(t.Context(), key).Err())
			tc.prepare()
			for range 2 {
				_, err := Keep(t.Context(), c, "shop", "new:1", "ours", time.Minute, soon())
				must(t, err)
			}
			left, err := c.PTTL(t.Context(), key).Result()
			must(t, err)
			if tc.none != (left < 0) || left < tc.atLeast && !tc.none {
				t.Errorf("%s: %v left", name, left)
			}
		}
	})
}

func TestKeepDoesNothingAfterItsDeadline(t *testing.T) {
	each(t, func(t *testing.T, c redis.UniversalClient) {
		for _, deadline := range []time.Time{{}, time.Now().Add(-5 * time.Second)} {
			now, err := Keep(t.Context(), c, "shop", "new:1", "ours", time.Minute, deadline)
			must(t, err)
			if !now.After(deadline) {
				t.Errorf("the call says that it was in time for %v: %v", deadline, now)
			}
			wantHash(t, c, map[string]string{})
		}
	})
}

// A call that waits in a stopped Redis must not bring back what was removed since.
func TestACallThatHungDoesNothing(t *testing.T) {
	s := redistest.Start(t)
	own := redis.NewClient(&redis.Options{Addr: s.Addr(), ContextTimeoutEnabled: true, MaxRetries: -1})
	defer own.Close()
	_, err := Keep(t.Context(), own, "shop", "new:1", "ours", time.Minute, time.Time{}) // has a connection
	must(t, err)
	s.Pause()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	deadline, _ := ctx.Deadline()
	if _, err := Keep(ctx, own, "shop", "new:1", "ours", time.Minute, deadline); err == nil {
		t.Fatal("a stopped Redis answered")
	}
	<-ctx.Done()
	s.Resume()
	// What is in the socket already comes before what is sent now, on any connection.
	must(t, own.Ping(t.Context()).Err())
	wantHash(t, own, map[string]string{})
}

func TestDropRemovesThisVeryValue(t *testing.T) {
	each(t, func(t *testing.T, c redis.UniversalClient) {
		must(t, c.HSet(t.Context(), Key("shop"), "a:1", "came back", "b:1", "x").Err())
		for _, tc := range []struct {
			value string
			want  bool
		}{{"crashed", false}, {"came back", true}, {"came back", false}} {
			gone, err := Drop(t.Context(), c, "shop", "a:1", tc.value)
			if err != nil || gone != tc.want {
				t.Errorf("%q: %v, %v, want %v", tc.value, gone, err, tc.want)
			}
		}
		wantHash(t, c, map[string]string{"b:1": "x"})
	})
}

func TestAForeignTypeIsAnErrorAndStays(t *testing.T) {
	each(t, func(t *testing.T, c redis.UniversalClient) {
		must(t, c.Set(t.Context(), Key("shop"), "a string", 0).Err())
		if _, err := Keep(t.Context(), c, "shop", "new:1", "ours", time.Minute, soon()); err == nil {
			t.Error("Keep: nil, want an error")
		}
		if _, err := Drop(t.Context(), c, "shop", "new:1", "ours"); err == nil {
			t.Error("Drop: nil, want an error")
		}
		got, err := c.Get(t.Context(), Key("shop")).Result()
		if err != nil || got != "a string" {
			t.Errorf("the key holds %q, %v", got, err)
		}
	})
}

func BenchmarkKeep(b *testing.B) {
	c := redistest.SharedStandalone(b).Client()
	_, err := Keep(b.Context(), c, "shop", "new:1", "ours", time.Minute, soon())
	must(b, err)
	for b.Loop() {
		if _, err := Keep(b.Context(), c, "shop", "new:1", "ours", time.Minute, soon()); err != nil {
			b.Fatal(err)
		}
	}
}
