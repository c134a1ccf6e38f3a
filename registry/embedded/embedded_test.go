package embedded_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
	"go.uber.org/goleak"

	"github.com/rollcall-go/rollcall/internal/backend"
	"github.com/rollcall-go/rollcall/registry/embedded"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T, opts ...embedded.Option) *embedded.Server {
	t.Helper()
	s, err := embedded.Start(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

func connect(t *testing.T, addr string) *redis.Client {
	t.Helper()
	c := redis.NewClient(&redis.Options{
		Addr:                     addr,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// until polls done until it holds.
func until(t *testing.T, what string, done func(context.Context) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for !done(ctx) {
		select {
		case <-ctx.Done():
			t.Fatalf("%s: not within 10 s", what)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func TestKeyExpiresByItself(t *testing.T) {
	c := connect(t, start(t).Addr())
	began := time.Now()
	if err := c.Set(t.Context(), "k", "v", 500*time.Millisecond).Err(); err != nil {
		t.Fatal(err)
	}
	until(t, "expiry", func(ctx context.Context) bool { return c.Exists(ctx, "k").Val() == 0 })
	if took := time.Since(began); took < 250*time.Millisecond {
		t.Errorf("a TTL of 500 ms was over after %v", took)
	}
}

func TestNilOption(t *testing.T) {
	if err := connect(t, start(t, nil, embedded.Address("127.0.0.1:0")).Addr()).Ping(t.Context()).Err(); err != nil {
		t.Error(err)
	}
}

func TestTimeMoves(t *testing.T) {
	c := connect(t, start(t).Addr())
	first, err := c.Time(t.Context()).Result()
	if err != nil {
		t.Fatal(err)
	}
	if d := time.Since(first).Abs(); d > 10*time.Second {
		t.Errorf("TIME is %v off the clock", d)
	}
	until(t, "TIME moves", func(ctx context.Context) bool { return c.Time(ctx).Val().After(first) })
}

func TestURL(t *testing.T) {
	s := start(t)
	o, err := redis.ParseURL(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	if o.Addr != s.Addr() {
		t.Errorf("URL() names %q, Addr() %q", o.Addr, s.Addr())
	}
}

func TestAddressInUse(t *testing.T) {
	first := start(t)
	_, err := embedded.Start(embedded.Address(first.Addr()))
	if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), first.Addr()) {
		t.Errorf("a second server on %s: %v", first.Addr(), err)
	}
}

func TestCloseDropsConnections(t *testing.T) {
	s := start(t)
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatalf("Close: %v", err)
		}
	}
	_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	var timeout net.Error
	if _, err := conn.Read(make([]byte, 1)); err == nil || errors.As(err, &timeout) && timeout.Timeout() {
		t.Errorf("the connection outlives the server: %v", err)
	}
	if _, err := net.Dial("tcp", s.Addr()); err == nil {
		t.Error("the address still answers after Close")
	}
}

// A subscriber that does not read would hold up every other client.
func TestDeafSubscriberIsCut(t *testing.T) {
	s := start(t)
	deaf, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer deaf.Close()
	if _, err := deaf.Write([]byte("*2\r\n$9\r\nSUBSCRIBE\r\n$1\r\nc\r\n")); err != nil {
		t.Fatal(err)
	}
	c := connect(t, s.Addr())
	until(t, "subscription", func(ctx context.Context) bool { return c.PubSubNumSub(ctx, "c").Val()["c"] == 1 })

	message := strings.Repeat("x", 1<<20)
	until(t, "the cut", func(ctx context.Context) bool { return c.Publish(ctx, "c", message).Val() == 0 })
}

func TestBackend(t *testing.T) {
	run, ok := backend.Lookup("embedded")
	if !ok {
		t.Fatal("not registered")
	}
	for _, addr := range []string{"", "127.0.0.1:0"} {
		bound, stop, err := run(addr)
		if err != nil {
			t.Fatal(err)
		}
		if err := connect(t, bound).Ping(t.Context()).Err(); err != nil {
			t.Errorf("start(%q): %v", addr, err)
		}
		if err := stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	}
	if _, _, err := run("256.0.0.1:1"); err == nil {
		t.Error("a bad address was accepted")
	}
}

// A server that Start has not made has no address and is not closed, and never panics.
func TestAServerThatWasNotStarted(t *testing.T) {
	for name, s := range map[string]*embedded.Server{"zero": {}, "nil": nil} {
		if s.Addr() != "" || s.URL() != "" {
			t.Errorf("%s: at %q, %q", name, s.Addr(), s.URL())
		}
		if err := s.Close(); err == nil || !strings.Contains(err.Error(), "embedded.Start") {
			t.Errorf("%s: Close: %v", name, err)
		}
	}
}
