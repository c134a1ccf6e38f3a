package redistest_test

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/redistest"
)

// behind returns a server, a proxy before it, and a client of the proxy that has
// a connection and never tries twice.
func behind(t *testing.T) (*redistest.Server, *redistest.Proxy, *redis.Client) {
	t.Helper()
	s := redistest.SharedStandalone(t)
	p := redistest.StartProxy(t, s.Addr())
	c := redis.NewClient(&redis.Options{
		Addr: p.Addr(), MaxRetries: -1, DialerRetries: 1, ContextTimeoutEnabled: true,
	})
	t.Cleanup(func() { _ = c.Close() })
	if err := c.Ping(t.Context()).Err(); err != nil {
		t.Fatalf("through a healthy proxy: %v", err)
	}
	return s, p, c
}

func dial(t *testing.T, p *redistest.Proxy) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func healed(t *testing.T, p *redistest.Proxy) {
	t.Helper()
	p.Heal()
	fresh := redis.NewClient(&redis.Options{Addr: p.Addr()})
	defer fresh.Close()
	if err := fresh.Ping(t.Context()).Err(); err != nil {
		t.Errorf("after Heal: %v", err)
	}
}

func TestProxyCut(t *testing.T) {
	s, p, c := behind(t)
	sub := c.Subscribe(t.Context(), "c")
	defer sub.Close()
	if _, err := sub.Receive(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.Cut()
	if m, err := sub.ReceiveTimeout(t.Context(), 5*time.Second); err == nil || isTimeout(err) {
		t.Errorf("an open connection outlives Cut: %v, %v", m, err)
	}
	if !refused(p.Addr()) {
		t.Error("new connections are taken after Cut")
	}
	if err := s.Client().Ping(t.Context()).Err(); err != nil {
		t.Errorf("the server itself: %v", err)
	}
	healed(t, p)
}

func TestProxyStall(t *testing.T) {
	s, p, c := behind(t)
	p.Stall()
	if err := c.Incr(brief(t), "n").Err(); !isTimeout(err) {
		t.Errorf("on a stalled connection: %v", err)
	}
	if refused(p.Addr()) {
		t.Error("a stalled proxy refuses connections")
	}
	if n := s.Client().Exists(t.Context(), "n").Val(); n != 0 {
		t.Error("a command passed a stalled proxy")
	}
	healed(t, p)
	until(t, "the stalled command arrives late", func(ctx context.Context) bool {
		return s.Client().Get(ctx, "n").Val() == "1"
	})
}

func TestProxyDropReplies(t *testing.T) {
	s, p, c := behind(t)
	idle, gapped := dial(t, p), dial(t, p)
	p.DropReplies()
	if _, err := gapped.Write([]byte("PING\r\n")); err != nil {
		t.Fatal(err)
	}
	if err := c.Incr(brief(t), "n").Err(); !isTimeout(err) {
		t.Errorf("a reply passed: %v", err)
	}
	if got, err := s.Client().Get(t.Context(), "n").Result(); got != "1" || err != nil {
		t.Errorf("the command did not arrive: %q, %v", got, err)
	}
	healed(t, p)
	_ = gapped.SetReadDeadline(time.Now().Add(5 * time.Second))
	if n, err := gapped.Read(make([]byte, 100)); err == nil || isTimeout(err) {
		t.Errorf("a connection that lost a reply goes on: %d bytes, %v", n, err)
	}
	if _, err := idle.Write([]byte("PING\r\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(idle, make([]byte, len("+PONG\r\n"))); err != nil {
		t.Errorf("a connection that lost nothing: %v", err)
	}
}

func TestProxyLatency(t *testing.T) {
	_, p, c := behind(t)
	p.Latency(200 * time.Millisecond)
	began := time.Now()
	if err := c.Ping(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < 200*time.Millisecond {
		t.Errorf("PING took %v", took)
	}
	p.Stall() // takes the place of the latency
	if err := c.Ping(brief(t)).Err(); !isTimeout(err) {
		t.Errorf("on a stalled connection: %v", err)
	}
	healed(t, p)
}

// Clients that read nothing, and clients that vanish, must hold up no fault and
// leave no goroutine.
func TestProxyWithDeafClients(t *testing.T) {
	s, p, c := behind(t)
	if err := s.Client().Set(t.Context(), "k", strings.Repeat("x", 1<<20), 0).Err(); err != nil {
		t.Fatal(err)
	}
	var deaf []net.Conn
	for range 8 {
		conn := dial(t, p)
		if _, err := conn.Write([]byte(strings.Repeat("GET k\r\n", 20))); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		deaf = append(deaf, conn)
	}
	p.Stall()
	for _, conn := range deaf[:4] {
		_ = conn.Close()
	}
	if err := c.Ping(brief(t)).Err(); !isTimeout(err) {
		t.Errorf("on a stalled connection: %v", err)
	}
	healed(t, p)
	p.DropReplies()
	healed(t, p)
	p.Cut()
	healed(t, p)
}
