package discovery_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/registry"
)

// listen accepts connections, says hello and hangs up.
func listen(t *testing.T, network, address string) string {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(c, "hello")
			c.Close()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-ended
	})
	return l.Addr().String()
}

func TestDialContext(t *testing.T) {
	v := at(dead(t), listen(t, "tcp", "127.0.0.1:0"), listen(t, "unix", filepath.Join(t.TempDir(), "s")))
	v.Services[0].Nodes[2].Network = "unix"
	unix := at(v.Services[0].Nodes[2].Address)
	unix.Services[0].Nodes[0].Network = "unix"
	src := newFakeSource()
	src.set("shop", v)
	src.set("unix", unix)
	r := resolver(t, src, discovery.WithBalancer(discovery.RoundRobin()))
	for _, address := range []string{"shop", "shop:80", "shop", "shop:https", "shop", "shop", "unix"} {
		c, err := r.DialContext(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		said, err := io.ReadAll(c)
		if string(said) != "hello" || err != nil {
			t.Errorf("%q, %v", said, err)
		}
		if c.(interface{ NetConn() net.Conn }).NetConn() == nil {
			t.Error("NetConn is nil")
		}
		wantNil(t, c.Close())
		_ = c.Close() // again
	}
}

func TestDialContextFails(t *testing.T) {
	src := newFakeSource()
	src.set("shop", at(dead(t), dead(t), dead(t)))
	src.set("none", &registry.View{})
	r := resolver(t, src, discovery.Ejection(1, discovery.DefaultEjection, discovery.DefaultEjection))
	c, err := r.DialContext(t.Context(), "tcp", "shop")
	wantErr(t, "all are away", err)
	var refused *net.OpError
	if c != nil || !errors.As(err, &refused) || refused.Op != "dial" {
		t.Errorf("%v, %v", c, err)
	}
	same(t, "still ready", len(resolve(t, r).Ready()), 2)
	_, err = r.DialContext(t.Context(), "tcp", "none")
	wantErr(t, "an unknown service", err, registry.ErrNotFound)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = r.DialContext(ctx, "tcp", "shop")
	wantErr(t, "given up", err, context.Canceled)
}

func TestDialerPicksByItsOptions(t *testing.T) {
	v := at(dead(t), listen(t, "tcp", "127.0.0.1:0"))
	v.Services = append(v.Services, &registry.Service{Name: "shop", Version: "2", Nodes: v.Services[0].Nodes[1:]})
	v.Services[0].Nodes = v.Services[0].Nodes[:1]
	src := newFakeSource()
	src.news("eu/shop", v, nil)
	r := resolver(t, src)
	opts := []discovery.PickOption{discovery.Namespace("eu"), discovery.Version("2")}
	dial := r.Dialer(opts...)
	opts[0] = discovery.Namespace("us") // the caller's own again
	for range 10 {
		c, err := dial(t.Context(), "tcp", "shop")
		if err != nil {
			t.Fatal(err)
		}
		same(t, "node", c.RemoteAddr().String(), v.Services[1].Nodes[0].Address)
		wantNil(t, c.Close())
	}
	_ = http.Transport{DialContext: dial}
}

// What a connection is for: a client of HTTP, and one connection for each call under way.
func TestDialContextOfAnHTTPClient(t *testing.T) {
	src := newFakeSource()
	src.set("shop", at(serve(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Host) })))
	r := resolver(t, src)
	c := &http.Client{Transport: &http.Transport{DialContext: r.DialContext}}
	t.Cleanup(c.CloseIdleConnections)
	for range 3 {
		same(t, "Host", body(t, c, request(t, "GET", "http://shop/", nil)), "shop")
	}
}

// A connection counts as a call until Close, but as a probe it has shown enough.
func TestDialContextTellsDone(t *testing.T) {
	src := newFakeSource()
	src.set("shop", at(listen(t, "tcp", "127.0.0.1:0"), listen(t, "tcp", "127.0.0.1:0")))
	r := resolver(t, src, discovery.WithBalancer(discovery.LeastLoaded()),
		discovery.Ejection(1, time.Millisecond, time.Millisecond))
	dial := func() net.Conn {
		c, err := r.DialContext(t.Context(), "tcp", "shop")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	one, two := dial(), dial()
	if one.RemoteAddr().String() == two.RemoteAddr().String() {
		t.Error("a node that has a connection gets the next one too")
	}
	one.Close()
	one.Close() // counts once
	for range 10 {
		next := dial()
		same(t, "after Close", next.RemoteAddr().String(), one.RemoteAddr().String())
		next.Close()
	}

	call(t, r, "a", 1, errBroken)
	same(t, "ejected", ready(t, r), "b")
	for deadline := time.Now().Add(time.Minute); ready(t, r) != "a b"; dial() {
		if time.Now().After(deadline) {
			t.Fatal("it does not come back")
		}
	}
}
