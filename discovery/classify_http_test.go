package discovery_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/internal/faulty"
)

// faultyNode starts a node that is bad at this.
func faultyNode(t *testing.T, start func() (*faulty.Node, error)) string {
	t.Helper()
	n, err := start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	return n.Addr()
}

func behaves(f func(net.Conn)) func(*testing.T) string {
	return func(t *testing.T) string {
		return faultyNode(t, func() (*faulty.Node, error) { return faulty.Start(f) })
	}
}

// An outcome is what callers see of ten calls that begin at a faulty node and at a
// good one in turn. Where a fault is tried again no call fails; where it is not, those
// fail that began at the faulty node: three of them eject it, and else all five.
type outcome struct {
	failed int
	ready  string
}

var (
	retriedEjected = outcome{0, "b"}
	retriedKept    = outcome{0, "a b"}
	failedEjected  = outcome{3, "b"}
	failedKept     = outcome{5, "a b"}
)

const late = 300 * time.Millisecond

// What real faults of nodes and of callers come to over a real http.Transport.
func TestFaultsOverHTTP(t *testing.T) {
	type setup struct {
		node  func(*testing.T) string
		base  func(*testing.T, *http.Transport, string) // sets it up for the faulty node
		call  func(*http.Request) *http.Request
		https bool
		slow  time.Duration // http.Client.Timeout
	}
	withContext := func(end func(context.Context) (context.Context, context.CancelFunc)) func(*http.Request) *http.Request {
		return func(req *http.Request) *http.Request {
			ctx, cancel := end(req.Context())
			context.AfterFunc(ctx, cancel)
			return req.WithContext(ctx)
		}
	}
	deadline := withContext(func(ctx context.Context) (context.Context, context.CancelFunc) {
		return context.WithTimeout(ctx, late)
	})
	for name, tc := range map[string]struct {
		setup
		get, post outcome
	}{
		// Of the node, and it has received nothing.
		"nothing listens": {setup{node: dead}, retriedEjected, retriedEjected},
		"a dial that gets no answer": {setup{
			node: func(t *testing.T) string { return faultyNode(t, faulty.Full) },
			base: func(_ *testing.T, base *http.Transport, _ string) {
				base.DialContext = (&net.Dialer{Timeout: late}).DialContext
			},
		}, retriedEjected, retriedEjected},
		"a TLS handshake that gets no answer": {setup{
			node: behaves(faulty.Hang), https: true,
			base: func(_ *testing.T, base *http.Transport, _ string) { base.TLSHandshakeTimeout = late },
		}, retriedEjected, retriedEjected},
		"no TLS there":                    {setup{node: behaves(faulty.Break(faulty.Ok)), https: true}, retriedEjected, retriedEjected},
		"a certificate of another server": {setup{node: untrusted, https: true}, retriedEjected, retriedEjected},

		// Of the node, and it may have received the request.
		"no answer": {setup{
			node: behaves(faulty.Hang),
			base: func(_ *testing.T, base *http.Transport, _ string) { base.ResponseHeaderTimeout = late },
		}, retriedEjected, failedEjected},
		"half a header": {setup{
			node: behaves(faulty.Say(faulty.HalfHeader)),
			base: func(_ *testing.T, base *http.Transport, _ string) { base.ResponseHeaderTimeout = late },
		}, retriedEjected, failedEjected},
		"a reset":     {setup{node: behaves(faulty.Reset)}, retriedEjected, failedEjected},
		"it hangs up": {setup{node: behaves(faulty.HangUp)}, retriedEjected, failedEjected},
		"garbage":     {setup{node: behaves(faulty.Say(faulty.Garbage))}, retriedEjected, failedEjected},

		// Of the node, and there is no time left to try another one.
		"http.Client.Timeout":        {setup{node: behaves(faulty.Hang), slow: late}, failedEjected, failedEjected},
		"a deadline":                 {setup{node: behaves(faulty.Hang), call: deadline}, failedEjected, failedEjected},
		"a deadline in the dial":     {setup{node: func(t *testing.T) string { return faultyNode(t, faulty.Full) }, call: deadline}, failedEjected, failedEjected},
		"a deadline before the body": {setup{node: behaves(faulty.Say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")), call: deadline}, failedEjected, failedEjected},
		"a body that breaks off":     {setup{node: behaves(faulty.Break(faulty.HalfBody))}, failedEjected, failedEjected},

		// Of the caller.
		"a deadline that ends a stream": {setup{node: behaves(faulty.Say(faulty.HalfBody)), call: deadline}, failedKept, failedKept},
		"cancelled": {setup{
			node: behaves(faulty.Hang),
			call: withContext(func(ctx context.Context) (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancel(ctx)
				time.AfterFunc(late, cancel)
				return ctx, cancel
			}),
		}, failedKept, failedKept},
		"cancelled in the body": {setup{
			node: behaves(faulty.Say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")),
			call: withContext(func(ctx context.Context) (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancel(ctx)
				time.AfterFunc(late, cancel)
				return ctx, cancel
			}),
		}, failedKept, failedKept},
		"a header over the caller's limit": {setup{
			node: behaves(faulty.Say(faulty.LongHeader)),
			base: func(_ *testing.T, base *http.Transport, _ string) { base.MaxResponseHeaderBytes = 1000 },
		}, failedKept, failedKept},
		"all connections of the caller in use": {setup{
			node: behaves(faulty.Say(faulty.HalfBody)),
			base: func(t *testing.T, base *http.Transport, address string) {
				base.MaxConnsPerHost = 1
				req, _ := http.NewRequest("GET", "http://"+address, nil)
				resp, err := base.RoundTrip(req) // its connection is in use until the body is closed
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = resp.Body.Close() })
			},
			call: deadline,
		}, failedKept, failedKept},
		"no local address to dial from": {setup{
			node: dead,
			base: func(_ *testing.T, base *http.Transport, address string) {
				base.DialContext = func(ctx context.Context, network, to string) (net.Conn, error) {
					var d net.Dialer
					if to == address {
						d.LocalAddr = &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)} // of no machine: RFC 5737
					}
					return d.DialContext(ctx, network, to)
				}
			},
		}, retriedKept, retriedKept},
	} {
		for method, want := range map[string]outcome{"GET": tc.get, "POST": tc.post} {
			t.Run(name+"/"+method, func(t *testing.T) {
				t.Parallel()
				ok := func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }
				good := httptest.NewUnstartedServer(http.HandlerFunc(ok))
				base := &http.Transport{}
				scheme := "http"
				if tc.https {
					scheme = "https"
					good.StartTLS()
					base.TLSClientConfig = good.Client().Transport.(*http.Transport).TLSClientConfig
				} else {
					good.Start()
				}
				t.Cleanup(good.Close)
				t.Cleanup(base.CloseIdleConnections)
				address := tc.node(t)
				if tc.base != nil {
					tc.base(t, base, address)
				}
				src := newFakeSource()
				src.set("shop", at(address, good.Listener.Addr().String()))
				r := resolver(t, src, discovery.WithBalancer(discovery.RoundRobin()),
					discovery.Ejection(3, time.Minute, time.Minute))
				c := &http.Client{Transport: discovery.Transport(r, base), Timeout: tc.slow}
				failed := 0
				for range 10 {
					var body io.Reader
					if method == "POST" {
						body = strings.NewReader("hello")
					}
					req := request(t, method, scheme+"://shop/", body)
					if tc.call != nil {
						req = tc.call(req)
					}
					resp, err := c.Do(req)
					if err == nil {
						_, err = io.ReadAll(resp.Body)
						_ = resp.Body.Close()
					}
					if err != nil {
						failed++
						t.Log(err)
					}
				}
				same(t, "outcome", outcome{failed, ready(t, r)}, want)
			})
		}
	}
}

// untrusted is a TLS server with a certificate that the caller does not trust.
func untrusted(t *testing.T) string {
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.TLS = &tls.Config{Certificates: []tls.Certificate{selfSigned(t)}}
	s.Config.ErrorLog = silent
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}
