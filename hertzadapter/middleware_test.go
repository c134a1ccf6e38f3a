package hertzadapter

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cloudwego/hertz/pkg/app/client"
	hertzregistry "github.com/cloudwego/hertz/pkg/app/server/registry"
	"github.com/cloudwego/hertz/pkg/common/config"
	"github.com/cloudwego/hertz/pkg/network"
	"github.com/cloudwego/hertz/pkg/network/standard"
	"github.com/cloudwego/hertz/pkg/protocol"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/registry"
)

// A fakeEndpoint records the hosts that requests went to, and returns the errors in
// turn, then nil.
type fakeEndpoint struct {
	hosts []string
	errs  []error
}

func (s *fakeEndpoint) endpoint(_ context.Context, req *protocol.Request, _ *protocol.Response) error {
	s.hosts = append(s.hosts, string(req.Host()))
	if n := len(s.hosts); n <= len(s.errs) {
		return s.errs[n-1]
	}
	return nil
}

// send sends a request for the service "shop" through a middleware.
func send(t *testing.T, mw client.Middleware, s *fakeEndpoint, adapt ...func(*protocol.Request)) error {
	t.Helper()
	req, resp := protocol.AcquireRequest(), protocol.AcquireResponse()
	defer protocol.ReleaseRequest(req)
	defer protocol.ReleaseResponse(resp)
	req.SetRequestURI("http://shop/path?x=1")
	req.SetOptions(config.WithSD(true))
	for _, f := range adapt {
		f(req)
	}
	before := req.URI().String()
	err := mw(s.endpoint)(t.Context(), req, resp)
	if after := req.URI().String(); after != before {
		t.Errorf("the request was for %s and is for %s", before, after)
	}
	return err
}

// shops is a service of three nodes, of versions 1, 1 and 2.
func shops() list {
	return list{
		{Name: "shop", Version: "1", Nodes: []*registry.Node{{ID: "a", Address: "a:1"}, {ID: "b", Address: "b:1"}}},
		{Name: "shop", Version: "2", Nodes: []*registry.Node{{ID: "c", Address: "c:1"}}},
	}
}

func TestMiddlewarePicks(t *testing.T) {
	mw := Discovery(live(t, shops()), WithBalancer(discovery.RoundRobin()))
	s := &fakeEndpoint{}
	for range 6 {
		must(t, send(t, mw, s))
	}
	for _, host := range []string{"a:1", "b:1", "c:1"} {
		if n := strings.Count(strings.Join(s.hosts, " "), host); n != 2 {
			t.Errorf("%s was called %d times of 6: %v", host, n, s.hosts)
		}
	}

	s = &fakeEndpoint{}
	must(t, send(t, mw, s, func(req *protocol.Request) { req.SetOptions(config.WithTag("version", "2")) }))
	must(t, send(t, mw, s, func(req *protocol.Request) { req.SetOptions(config.WithSD(false)) }))
	if got := fmt.Sprint(s.hosts); got != "[c:1 shop]" {
		t.Errorf("version 2, and a request that asked for no discovery, went to %s", got)
	}
}

func TestMiddlewareHashes(t *testing.T) {
	mw := Discovery(live(t, shops()), WithBalancer(discovery.Maglev()),
		WithHashKey(func(_ context.Context, req *protocol.Request) string { return string(req.Header.Peek("User")) }))
	seen := map[string]string{}
	hosts := map[string]bool{}
	for i := range 300 {
		user := fmt.Sprint("user", i%100)
		s := &fakeEndpoint{}
		must(t, send(t, mw, s, func(req *protocol.Request) { req.Header.Set("User", user) }))
		if seen[user] != "" && seen[user] != s.hosts[0] {
			t.Errorf("%s went to %s and then to %s", user, seen[user], s.hosts[0])
		}
		seen[user], hosts[s.hosts[0]] = s.hosts[0], true
	}
	if len(hosts) != 3 {
		t.Errorf("100 users went to %d of 3 nodes", len(hosts))
	}
}

// What is no failure of the network comes back as it is, and ends the call. The
// failures of the network are in TestFaultsOverHertz.
func TestMiddlewareReturnsOtherErrorsBare(t *testing.T) {
	other := errors.New("said by another middleware")
	d := live(t, shops())
	s := &fakeEndpoint{errs: []error{other, other, other, other, other, other, other, other, other, other}}
	for i := range s.errs {
		err := send(t, Discovery(d, WithBalancer(discovery.RoundRobin())), s, func(req *protocol.Request) {
			if i%2 == 0 {
				req.SetMethod("POST")
			}
		})
		if err != other { //nolint:errorlint // bare
			t.Errorf("%v, want %v", err, other)
		}
	}
	if len(s.hosts) != len(s.errs) {
		t.Errorf("%d calls became %d", len(s.errs), len(s.hosts))
	}
	if v, err := d.Resolve(t.Context(), "shop"); err != nil || len(v.Ready()) != 3 {
		t.Errorf("nodes were ejected: %v", err)
	}
}

func TestMiddlewareFindsNoNode(t *testing.T) {
	for name, c := range map[string]struct {
		adapt func(*protocol.Request)
		want  error
	}{
		"of this version": {func(r *protocol.Request) { r.SetOptions(config.WithTag("version", "3")) }, discovery.ErrNoNodes},
		"of this name":    {func(r *protocol.Request) { r.SetHost("unknown") }, registry.ErrNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			s := &fakeEndpoint{}
			if err := send(t, Discovery(live(t, shops())), s, c.adapt); !errors.Is(err, c.want) || len(s.hosts) != 0 {
				t.Errorf("%v, and it went to %v; want %v", err, s.hosts, c.want)
			}
		})
	}
}

// What cannot be a service passes as it is, and so does what is said to be none.
func TestMiddlewareLeavesOthersAlone(t *testing.T) {
	d := live(t, shops())
	mw := Discovery(d, WithOnlyHosts(func(host string) bool { return host == "shop" }))
	for _, host := range []string{"10.0.0.1", "10.0.0.1:80", "[::1]", "[::1]:80", "shop:80", "shop:", "[shop]", "::1", "localhost:80", "example.com"} {
		s, mw := &fakeEndpoint{}, mw
		if host != "example.com" { // it does not look like one
			mw = Discovery(d)
		}
		must(t, send(t, mw, s, func(req *protocol.Request) { req.SetHost(host) }))
		if len(s.hosts) != 1 || s.hosts[0] != host {
			t.Errorf("a request for %s went to %v", host, s.hosts)
		}
	}
	s := &fakeEndpoint{}
	must(t, send(t, mw, s))
	if len(s.hosts) != 1 || !strings.HasSuffix(s.hosts[0], ":1") {
		t.Errorf("a request for shop went to %v", s.hosts)
	}
}

// A real client of Hertz follows redirects of real servers: inside the service, and
// out of it to the address of another server.
func TestMiddlewareFollowsRedirects(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "other") }))
	t.Cleanup(other.Close)
	s := serve(t, "shop", hertzregistry.NoopRegistry, nil)
	till := serve(t, "till", hertzregistry.NoopRegistry, nil)
	d := live(t, discovery.Static(
		&registry.Service{Name: "shop", Nodes: []*registry.Node{{Address: s.addr}}},
		&registry.Service{Name: "till", Nodes: []*registry.Node{{Address: till.addr}}},
	))
	c, err := client.NewClient(client.WithDialFunc(func(address string) (network.Conn, error) {
		if address == "example.com:80" { // a host that is no service
			address = other.Listener.Addr().String()
		}
		return standard.NewDialer().DialConnection("tcp", address, time.Minute, nil)
	}))
	must(t, err)
	t.Cleanup(c.CloseIdleConnections)
	c.Use(Discovery(d))
	for path, want := range map[string]string{
		"/": "shop", "/to?url=/": "shop", "/to?url=" + other.URL: "other",
		"/to?url=http://till/": "till", "/to?url=http://example.com/": "other",
		"/to?url=http://till/to%3Furl=http://example.com/": "other",
	} {
		_, body, err := c.Get(t.Context(), nil, "http://shop"+path, config.WithSD(true))
		if err != nil || string(body) != want {
			t.Errorf("%s: %q, %v; want %q", path, body, err, want)
		}
	}
	if _, _, err := c.Get(t.Context(), nil, "http://example.com/", config.WithSD(true)); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("a host that no redirect leads to: %v, want ErrNotFound", err)
	}
}

func TestMiddlewareWithAddresses(t *testing.T) {
	mw := Discovery(nil, WithAddresses("shop", "x:1", "y:1"), WithAddresses("none"))
	s := &fakeEndpoint{}
	for range 4 {
		must(t, send(t, mw, s))
	}
	if x := strings.Count(strings.Join(s.hosts, " "), "x:1"); x != 2 || len(s.hosts) != 4 {
		t.Errorf("requests went to %v", s.hosts)
	}
	for _, host := range []string{"none", "other"} {
		if err := send(t, mw, s, func(req *protocol.Request) { req.SetHost(host) }); !errors.Is(err, registry.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", host, err)
		}
	}
}

func TestMiddlewareRefusesUnixSockets(t *testing.T) {
	s := &fakeEndpoint{}
	mw := Discovery(live(t, list{{Name: "shop", Nodes: []*registry.Node{{ID: "a", Network: "unix", Address: "/run/a"}}}}))
	if err := send(t, mw, s); err == nil || !strings.Contains(err.Error(), "/run/a") || len(s.hosts) != 0 {
		t.Errorf("%v, and it went to %v", err, s.hosts)
	}
}

// An endpoint that panics leaves no call under way, and the host as it was.
func TestAnEndpointThatPanicsHasNoCallUnderWay(t *testing.T) {
	d := discovery.New(discovery.Static(shops()...), discovery.WithBalancer(discovery.LeastLoaded()))
	t.Cleanup(func() { must(t, d.Close()) })
	panics := 0
	for range 60 {
		func() {
			req, resp := protocol.AcquireRequest(), protocol.AcquireResponse()
			defer protocol.ReleaseRequest(req)
			defer protocol.ReleaseResponse(resp)
			defer func() {
				if recover() != nil {
					panics++
				}
				if host := string(req.Host()); host != "shop" {
					t.Errorf("the host is %q", host)
				}
			}()
			req.SetRequestURI("http://shop/")
			req.SetOptions(config.WithSD(true))
			_ = Discovery(d)(func(_ context.Context, req *protocol.Request, _ *protocol.Response) error {
				if string(req.Host()) == "a:1" {
					panic("a mistake")
				}
				return nil
			})(t.Context(), req, resp)
		}()
	}
	if panics < 5 {
		t.Errorf("%d of 60 calls went to the node that panics, of three: it counts as loaded", panics)
	}
}
