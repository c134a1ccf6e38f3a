package redisconn

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/internal/reporter"

	"github.com/redis/go-redis/v9"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type noLogger struct{}

func (noLogger) Printf(context.Context, string, ...any) {}

// refusing returns an address at which nothing listens.
func refusing(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// go-redis writes nothing of dials that fail where the client is ours, and goes on to
// write about those of other clients.
func TestGoRedisIsQuietAboutOurDials(t *testing.T) {
	var out redistest.Buffer
	redis.SetLogger(NewQuietLogger(&out))
	t.Cleanup(func() { redis.SetLogger(noLogger{}) })

	for name, o := range map[string]Config{
		"standalone": {},
		"cluster":    {Cluster: true},
		"sentinel":   {MasterName: "main"},
		"TLS":        {Secure: true},
	} {
		t.Run(name, func(t *testing.T) {
			addr := refusing(t)
			o.Addrs, o.Timeout = []string{addr}, time.Second
			c, err := Open(o, reporter.New(zerolog.Nop()))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Close() }()
			if err := c.Meet(t.Context()); err == nil || !strings.Contains(err.Error(), "connection refused") {
				t.Fatalf("Meet: %v, want a refused connection", err)
			}
			if log := out.String(); strings.Contains(log, addr) {
				t.Errorf("go-redis wrote:\n%s", log)
			}
		})
	}

	addr := refusing(t)
	other := redis.NewClient(&redis.Options{Addr: addr, DialerRetries: 1, MaxRetries: -1})
	defer func() { _ = other.Close() }()
	_ = other.Ping(t.Context()).Err()
	if log := out.String(); !strings.Contains(log, addr) || !strings.Contains(log, "redis: ") || !strings.Contains(log, "pool.go:") {
		t.Errorf("of another client's dial go-redis wrote %q, want its own line", log)
	}
}
