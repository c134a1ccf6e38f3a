package redistest

import (
	"context"
	"net"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// Synctest starts a Redis in the simulated time of a synctest.Test, and returns it
// with the options of a client for it. Its TIME and its TTLs follow the simulated
// clock to the nanosecond. There is no socket: connections are pipes without a
// buffer, so a subscriber that does not read stops the whole server.
//
// Clients must be closed before the test returns, or by its Cleanup.
func Synctest(t testing.TB) (*miniredis.Miniredis, *redis.Options) {
	t.Helper()
	m := miniredis.NewMiniRedis()
	m.ClockTTL(true)
	t.Cleanup(m.Close)

	o := clientOptions("127.0.0.1:6379") // an IP: a name would be looked up outside the simulation
	o.Dialer = func(context.Context, string, string) (net.Conn, error) { return m.Dial() }
	return m, o
}
