package discovery_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/registry"
)

// serve starts a server that answers by f, and returns its address.
func serve(t *testing.T, f http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// dead is an address where no server listens.
func dead(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// at is a view with nodes a, b, c at these addresses.
func at(addresses ...string) *registry.View {
	v := shop(1, strings.Split("abcdefghij"[:len(addresses)], "")...)
	for i, n := range v.Services[0].Nodes {
		n.Address = addresses[i]
	}
	return v
}

// client is one whose Transport knows the service shop by these nodes.
func client(t *testing.T, v *registry.View, opts ...discovery.TransportOption) (*http.Client, *discovery.Resolver) {
	t.Helper()
	src := newFakeSource()
	src.set("shop", v)
	src.set("none", &registry.View{})
	src.news("eu/shop", v, nil)
	r := resolver(t, src, discovery.WithBalancer(discovery.RoundRobin()))
	c := &http.Client{Transport: discovery.Transport(r, &http.Transport{}, opts...)}
	t.Cleanup(c.CloseIdleConnections)
	return c, r
}

// body does a request and reads its answer.
func body(t *testing.T, c *http.Client, req *http.Request) string {
	t.Helper()
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func request(t *testing.T, method, url string, body io.Reader) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func TestTransportKeepsTheRequest(t *testing.T) {
	c, _ := client(t, at(serve(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		_, _ = io.WriteString(w, r.Method+" "+r.Host+" "+r.RequestURI+" "+string(b))
	})))
	req := request(t, "POST", "http://shop/carts/7?x=1", strings.NewReader("hello"))
	before := *req.URL
	same(t, "the server sees", body(t, c, req), "POST shop /carts/7?x=1 hello")
	same(t, "the URL afterwards", *req.URL, before)
	req = request(t, "GET", "http://shop", nil)
	req.Host = "www.shop.example"
	same(t, "with a Host", body(t, c, req), "GET www.shop.example / ")
	resp, err := c.Get("http://shop/x")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	same(t, "the request of the response", resp.Request.URL.String(), "http://shop/x")
}

func TestTransportRetries(t *testing.T) {
	for _, tc := range []struct {
		name, method string
		header       string
		body         io.Reader
		works        bool
	}{
		{"GET", "GET", "", nil, true},
		{"HEAD", "HEAD", "", nil, true},
		{"DELETE", "DELETE", "", nil, true},
		{"PUT with a body that comes again", "PUT", "", strings.NewReader("hello"), true},
		{"PUT with one that does not", "PUT", "", io.MultiReader(strings.NewReader("hello")), false},
		{"POST", "POST", "", strings.NewReader("hello"), false},
		{"POST with a key", "POST", "Idempotency-Key", strings.NewReader("hello"), true},
		{"PATCH", "PATCH", "", nil, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			broken := serve(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
			var got atomic.Value
			c, _ := client(t, at(broken, serve(t, func(_ http.ResponseWriter, r *http.Request) {
				b, _ := io.ReadAll(r.Body)
				got.Store(string(b))
			})))
			failed := false
			for range 2 { // one of them goes to the broken node first
				if s, ok := tc.body.(io.Seeker); ok {
					_, _ = s.Seek(0, io.SeekStart)
				}
				req := request(t, tc.method, "http://shop/", tc.body)
				if tc.header != "" {
					req.Header.Set(tc.header, "1")
				}
				resp, err := c.Do(req)
				if err != nil {
					failed = true
					var op *registry.OpError
					if !errors.As(err, &op) || op.Node != "a" || op.Service != "shop" {
						t.Errorf("%v does not say what failed", err)
					}
					continue
				}
				resp.Body.Close()
			}
			same(t, "failed", failed, !tc.works)
			if tc.works && tc.body != nil {
				same(t, "the body", got.Load(), any("hello"))
			}
		})
	}
}

// One of ten servers is away: no caller notices, and once it is ejected hardly any call
// goes to it. Back again, it gets its share.
func TestTransportHidesADeadServer(t *testing.T) {
	var addresses []string
	ok := func(http.ResponseWriter, *http.Request) {}
	for range 9 {
		addresses = append(addresses, serve(t, ok))
	}
	away := dead(t)
	addresses = append(addresses, away)
	src := newFakeSource()
	src.set("shop", at(addresses...))
	r := resolver(t, src, discovery.WithBalancer(discovery.RoundRobin()),
		discovery.Ejection(discovery.DefaultFailures, time.Second, 2*time.Second))
	var dials atomic.Int32
	base := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		if address == away {
			dials.Add(1)
		}
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}}
	c := &http.Client{Transport: discovery.Transport(r, base)}
	t.Cleanup(c.CloseIdleConnections)
	get := func() { body(t, c, request(t, "GET", "http://shop/", nil)) }
	for strings.Contains(ready(t, r), "j") {
		get()
	}
	same(t, "dials until it is ejected", dials.Load(), discovery.DefaultFailures)
	dials.Store(0)
	for range 1000 {
		get()
	}
	if n := dials.Load(); n >= 10 {
		t.Errorf("%d of 1000 requests went to the dead server first", n)
	}
	l, err := net.Listen("tcp", away)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(ok))
	s.Listener.Close()
	s.Listener = l
	s.Start()
	defer s.Close()
	for deadline := time.Now().Add(time.Minute); !strings.Contains(ready(t, r), "j"); get() {
		if time.Now().After(deadline) {
			t.Fatal("it does not come back")
		}
	}
}
