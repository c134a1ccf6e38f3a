package redistest_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/redistest"
)

func TestKillAndRestart(t *testing.T) {
	ctx := t.Context()
	s := redistest.Start(t)
	addr := s.Addr()
	if err := s.Client().Set(ctx, "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}

	s.Restart(true)
	if got, err := s.Client().Get(ctx, "k").Result(); got != "v" || err != nil {
		t.Errorf("after a restart with data: %q, %v", got, err)
	}
	s.Kill()
	if s.Running() || !refused(addr) {
		t.Error("a killed server still answers")
	}
	s.Restart(false)
	if err := s.Client().Get(ctx, "k").Err(); !errors.Is(err, redis.Nil) {
		t.Errorf("after an empty restart: %v", err)
	}
	if s.Addr() != addr {
		t.Errorf("the restart moved from %s to %s", addr, s.Addr())
	}
}

func TestPause(t *testing.T) {
	s := redistest.Start(t)
	s.Pause()
	if err := s.Client().Ping(brief(t)).Err(); !isTimeout(err) || s.Running() {
		t.Errorf("a paused server answered: %v", err)
	}
	s.Resume()
	if err := s.Client().Ping(t.Context()).Err(); err != nil || !s.Running() {
		t.Errorf("after Resume: %v", err)
	}
	s.Pause()
	s.Kill()
	if !refused(s.Addr()) {
		t.Error("a paused server survived Kill")
	}
}

func TestFillAndFlush(t *testing.T) {
	ctx := t.Context()
	s := redistest.Start(t)
	s.FillForeignTTL(25_000)
	if n, err := s.Client().DBSize(ctx).Result(); n != 25_000 || err != nil {
		t.Errorf("%d keys, %v", n, err)
	}
	for _, key := range []string{"foreign:0", "foreign:24999"} {
		if ttl := s.Client().TTL(ctx, key).Val(); ttl < 59*time.Minute || ttl > 2*time.Hour {
			t.Errorf("%s lives for %v", key, ttl)
		}
	}
	s.Flush()
	if n, err := s.Client().DBSize(ctx).Result(); n != 0 || err != nil {
		t.Errorf("%d keys after Flush, %v", n, err)
	}
	s.FillForeign(100, time.Millisecond, 2*time.Millisecond)
	until(t, "short keys expire", func(ctx context.Context) bool { return s.Client().DBSize(ctx).Val() == 0 })
}

func TestOptions(t *testing.T) {
	s := redistest.Start(t, "--maxmemory", "10mb")
	get := func(option string) string { return s.Client().ConfigGet(t.Context(), option).Val()[option] }
	if got := get("maxmemory"); got != "10485760" {
		t.Errorf("maxmemory = %q", got)
	}
	t.Run("changed", func(t *testing.T) {
		s := redistest.SharedStandalone(t)
		s.SetConfig("notify-keyspace-events", "Kx")
		if got := s.Client().ConfigGet(t.Context(), "notify-keyspace-events").Val()["notify-keyspace-events"]; got != "xK" {
			t.Errorf("notify-keyspace-events = %q", got)
		}
	})
	after := redistest.SharedStandalone(t).Client().ConfigGet(t.Context(), "notify-keyspace-events").Val()
	if got := after["notify-keyspace-events"]; got != "" {
		t.Errorf("notify-keyspace-events = %q after the test that set it", got)
	}
	if o, err := redis.ParseURL(s.URL()); err != nil || o.Addr != s.Addr() {
		t.Errorf("URL %s: %v", s.URL(), err)
	}
}

// A recorder is a test that keeps what it failed with.
type recorder struct {
	testing.TB
	failure string
}

func (r *recorder) Helper()           {}
func (r *recorder) Fatal(args ...any) { r.failure = fmt.Sprint(args...); panic(r) }

// failure returns what f fails its test with.
func failure(t *testing.T, f func(testing.TB)) string {
	r := &recorder{TB: t}
	func() {
		defer func() { _ = recover() }()
		f(r)
	}()
	return r.failure
}

func TestStartFailsClearly(t *testing.T) {
	got := failure(t, func(t testing.TB) { redistest.Start(t, "--no-such-option", "yes") })
	if !strings.Contains(got, "no-such-option") {
		t.Errorf("a bad option: %q", got)
	}
}

// A server that is missing fails the test that needs it, with what to do.
func TestMissingServerFailsClearly(t *testing.T) {
	for _, tc := range []struct{ name, server, path, want string }{
		{"not installed", "", t.TempDir(), "redis-server is not installed: run make test, or apt-get install"},
		{"not in PATH", "no-such-server", os.Getenv("PATH"), "REDIS_SERVER=no-such-server: give the path of"},
		{"no such file", "/no/such/server", os.Getenv("PATH"), "REDIS_SERVER=/no/such/server: give the path of"},
		{"a directory", t.TempDir(), os.Getenv("PATH"), ": give the path of"},
		{"relative", "src/redis-server", os.Getenv("PATH"), "REDIS_SERVER=src/redis-server: a test runs in the directory of its package"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Setenv("REDIS_SERVER", tc.server)
			t.Setenv("PATH", tc.path)
			got := failure(t, func(t testing.TB) { redistest.Start(t) })
			if !strings.Contains(got, tc.want) {
				t.Errorf("failed with %q, want %q", got, tc.want)
			}
		})
	}
}
