package discovery_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync"
	"testing"

	"github.com/rollcall-go/rollcall/discovery"
)

// A noticed connection reports when it is closed on this side.
type noticed struct {
	net.Conn
	once   sync.Once
	closed chan struct{}
}

func (c *noticed) Close() error {
	defer c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

// A server may close an idle connection just when a request takes it. That is neither side's
// fault, by the error that a real http.Transport has for it.
func TestAnIdleConnectionThatIsClosedIsNeitherSidesFault(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }))
	t.Cleanup(s.Close)
	var conn *noticed // the last
	base := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, address)
		conn = &noticed{Conn: c, closed: make(chan struct{})}
		return conn, err
	}}
	t.Cleanup(base.CloseIdleConnections)
	src := newFakeSource()
	src.set("shop", at(s.Listener.Addr().String(), s.Listener.Addr().String()))
	r := resolver(t, src, discovery.WithBalancer(discovery.RoundRobin()))
	c := &http.Client{Transport: discovery.Transport(r, base)}
	closing := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		if !info.Reused {
			t.Error("it is a new connection")
			return
		}
		s.Config.SetKeepAlivesEnabled(false) // closes what is idle
		<-conn.closed
		s.Config.SetKeepAlivesEnabled(true)
	}})
	for range 2 * discovery.DefaultFailures { // all of those that fail go to one of the two
		same(t, "a first request", body(t, c, request(t, "POST", "http://shop/", strings.NewReader("hello"))), "hello")
		resp, err := c.Do(request(t, "POST", "http://shop/", strings.NewReader("hello")).WithContext(closing))
		if err == nil {
			_ = resp.Body.Close()
			t.Fatal("no error")
		}
		if !strings.Contains(err.Error(), "server closed idle connection") {
			t.Fatal(err)
		}
	}
	same(t, "ready", ready(t, r), "a b")
}
