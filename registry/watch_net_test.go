package registry_test

import (
	"bytes"
	"context"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// A wire dials for a client, and separates connections that have subscribed from
// those of ordinary commands, so that a fault can hit the former alone.
type wire struct {
	mu          sync.Mutex
	subscribers []*wireConn
}

// A wireConn is one connection of a wire.
type wireConn struct {
	net.Conn
	wire       *wire
	subscribed atomic.Bool
	halfOpen   atomic.Bool
}

// wired makes a client for one server to share with a registry.
func wired(t *testing.T, s interface{ Addr() string }) (*redis.Client, *wire) {
	t.Helper()
	w := &wire{}
	c := redis.NewClient(&redis.Options{
		Addr: s.Addr(), Dialer: w.dial, DialerRetries: 1, ContextTimeoutEnabled: true, DisableIdentity: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
	t.Cleanup(func() { _ = c.Close() })
	return c, w
}

func (w *wire) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &wireConn{Conn: c, wire: w}, nil
}

// count returns how many connections have subscribed so far.
func (w *wire) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.subscribers)
}

// stall makes the connections that have subscribed half-open: no byte passes, and
// neither side learns of it.
func (w *wire) stall() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.subscribers {
		c.halfOpen.Store(true)
	}
}

// cut closes the connections that have subscribed.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.subscribers {
		_ = c.Close()
	}
}

func (c *wireConn) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte("subscribe\r\n")) && !c.subscribed.Swap(true) {
		c.wire.mu.Lock()
		c.wire.subscribers = append(c.wire.subscribers, c)
		c.wire.mu.Unlock()
	}
	if c.halfOpen.Load() {
		return len(b), nil
	}
	return c.Conn.Write(b)
}

func (c *wireConn) Read(b []byte) (int, error) {
	for {
		n, err := c.Conn.Read(b)
		if err != nil || !c.halfOpen.Load() {
			return n, err
		}
	}
}
