package hertzadapter

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cloudwego/hertz/pkg/app/client"
	"github.com/cloudwego/hertz/pkg/common/config"
	"github.com/cloudwego/hertz/pkg/network"
	"github.com/cloudwego/hertz/pkg/network/netpoll"
	"github.com/cloudwego/hertz/pkg/network/standard"
	"github.com/cloudwego/hertz/pkg/protocol"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/internal/faulty"
	"github.com/rollcall-go/rollcall/registry"
)

// An outcome is what callers see of ten calls that begin at a faulty node and at a
// good one in turn. Where a fault is tried again no call fails; where it is not, those
// fail that began at the faulty node: three of them eject it, and else all five.
type outcome struct {
	failed int
	ready  string
}

var (
	retriedEjected = outcome{0, "good"}
	retriedKept    = outcome{0, "bad good"}
	failedEjected  = outcome{3, "good"}
	failedKept     = outcome{5, "bad good"}
)

const late = 300 * time.Millisecond

// layers are Hertz's two ways to connect.
var layers = map[string]func() network.Dialer{"netpoll": netpoll.NewDialer, "standard": standard.NewDialer}

func behaves(f func(net.Conn)) func(testing.TB) string {
	return starts(func() (*faulty.Node, error) { return faulty.Start(f) })
}

func starts(start func() (*faulty.Node, error)) func(testing.TB) string {
	return func(t testing.TB) string {
		n, err := start()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(n.Close)
		return n.Addr()
	}
}

func refused(t testing.TB) string {
	addr, err := faulty.Refused()
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

// pair is a resolver that knows a bad and a good node of the service "shop".
func pair(t testing.TB, bad, good string, opts ...discovery.Option) *discovery.Resolver {
	d := discovery.New(discovery.Static(&registry.Service{Name: "shop", Nodes: []*registry.Node{
		{ID: "bad", Address: bad}, {ID: "good", Address: good},
	}}), append([]discovery.Option{discovery.WithBalancer(discovery.RoundRobin())}, opts...)...)
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func readyOf(t testing.TB, d *discovery.Resolver) string {
	t.Helper()
	v, err := d.Resolve(context.Background(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, n := range v.Ready() {
		ids = append(ids, n.ID)
	}
	return strings.Join(ids, " ")
}

// What real faults of nodes and of callers come to over a real client of Hertz.
func TestFaultsOverHertz(t *testing.T) {
	large := strings.Repeat("x", 4<<20) // more than the kernel takes for a node that does not read
	type fault struct {
		bad       func(testing.TB) string
		method    string // in the place of GET
		body      string
		options   []config.ClientOption
		request   []config.RequestOption
		before    func(t *testing.T, c *client.Client, bad string)
		ejection  int // after so many failures: 3
		layer     string
		https     bool
		get, post outcome
	}
	limit := config.ClientOption{F: func(o *config.ClientOptions) { o.MaxResponseBodySize = 100 }}
	for name, tc := range map[string]fault{
		// Of the node, and it has received nothing.
		"nothing listens":            {bad: refused, get: retriedEjected, post: retriedEjected},
		"a dial that gets no answer": {bad: starts(faulty.Full), get: retriedEjected, post: retriedEjected},
		"no TLS there":               {bad: plain, https: true, layer: "standard", get: retriedEjected, post: retriedEjected},
		"a certificate of another host": {
			bad: strangers, https: true, layer: "standard", get: retriedEjected, post: retriedEjected,
		},

		// Of the node, and it may have received the request.
		"no answer":     {bad: behaves(faulty.Hang), get: retriedEjected, post: failedEjected},
		"half a header": {bad: behaves(faulty.Say(faulty.HalfHeader)), get: retriedEjected, post: failedEjected},
		"half a body":   {bad: behaves(faulty.Say(faulty.HalfBody)), get: retriedEjected, post: failedEjected},
		"it does not read": {
			bad: behaves(faulty.Deaf), method: "PUT", body: large,
			options: []config.ClientOption{client.WithWriteTimeout(2 * late), client.WithClientReadTimeout(time.Minute)},
			get:     retriedEjected, post: failedEjected,
		},
		"a reset":                    {bad: behaves(faulty.Reset), get: retriedEjected, post: failedEjected},
		"it hangs up":                {bad: behaves(faulty.HangUp), get: retriedEjected, post: failedEjected},
		"it hangs up in the header":  {bad: behaves(faulty.Break(faulty.HalfHeader)), get: retriedEjected, post: failedEjected},
		"it hangs up in the body":    {bad: behaves(faulty.Break(faulty.HalfBody)), get: retriedEjected, post: failedEjected},
		"garbage":                    {bad: behaves(faulty.Say(faulty.Garbage)), get: retriedEjected, post: failedEjected},
		"no answer to the handshake": {bad: behaves(faulty.Hang), https: true, layer: "standard", get: retriedEjected, post: failedEjected},

		// Of the node, and there is no time left to try another one.
		"WithRequestTimeout": {
			bad: behaves(faulty.Hang), request: []config.RequestOption{config.WithRequestTimeout(late / 2)},
			get: failedEjected, post: failedEjected,
		},

		// Not the fault of the node.
		"an idle connection that was closed": {
			bad: behaves(faulty.Break(faulty.Ok)), layer: "netpoll", ejection: 1, get: retriedKept, post: outcome{2, "bad good"},
		},

		// Of the caller.
		"all connections in use": {
			bad: behaves(faulty.Hang), options: []config.ClientOption{client.WithMaxConnsPerHost(1)},
			before: func(t *testing.T, c *client.Client, bad string) {
				full := func(err error) bool { return err != nil && strings.Contains(err.Error(), "no free connections") }
				go func() { // until the node is closed
					for {
						if _, _, err := c.Get(context.Background(), nil, "http://"+bad, config.WithReadTimeout(time.Minute)); !full(err) {
							return
						}
					}
				}()
				await(t, "the connection is in use", func() bool {
					_, _, err := c.Get(context.Background(), nil, "http://"+bad, config.WithReadTimeout(time.Millisecond))
					return full(err)
				})
			},
			get: retriedKept, post: retriedKept,
		},
		"a body over the limit": {
			bad: behaves(faulty.Say(faulty.HalfBody)), options: []config.ClientOption{limit}, get: failedKept, post: failedKept,
		},
		"TLS over netpoll": {
			bad: strangers, https: true, layer: "netpoll", get: outcome{10, "bad good"}, post: outcome{10, "bad good"},
		},
	} {
		for layer, dialer := range layers {
			if tc.layer != "" && tc.layer != layer {
				continue
			}
			for method, want := range map[string]outcome{"GET": tc.get, "POST": tc.post} {
				t.Run(name+"/"+layer+"/"+method, func(t *testing.T) {
					t.Parallel()
					answers := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						_, _ = io.Copy(io.Discard, r.Body)
						_, _ = io.WriteString(w, "ok")
					})
					good := httptest.NewUnstartedServer(answers)
					scheme, roots := "http", (*tls.Config)(nil)
					if tc.https {
						scheme = "https"
						good.StartTLS()
						roots = good.Client().Transport.(*http.Transport).TLSClientConfig
					} else {
						good.Start()
					}
					t.Cleanup(good.Close)
					c, err := client.NewClient(append([]config.ClientOption{
						client.WithTLSConfig(roots), client.WithDialer(dialer()),
						client.WithDialTimeout(late), client.WithClientReadTimeout(late), client.WithWriteTimeout(late),
					}, tc.options...)...)
					must(t, err)
					t.Cleanup(c.CloseIdleConnections)
					bad := tc.bad(t)
					if tc.before != nil {
						tc.before(t, c, bad)
					}
					d := pair(t, bad, good.Listener.Addr().String(), discovery.Ejection(cmp.Or(tc.ejection, 3), time.Minute, time.Minute))
					c.Use(Discovery(d))
					if method == "GET" && tc.method != "" {
						method = tc.method
					}
					failed := 0
					for range 10 {
						req, resp := protocol.AcquireRequest(), protocol.AcquireResponse()
						req.SetMethod(method)
						req.SetRequestURI(scheme + "://shop/")
						req.SetOptions(append(tc.request, config.WithSD(true))...)
						if tc.body != "" {
							req.SetBodyString(tc.body)
						} else if method == "POST" {
							req.SetBodyString("hello")
						}
						if err := c.Do(t.Context(), req, resp); err != nil {
							failed++
							t.Logf("%T %v", errors.Unwrap(err), err)
						}
						protocol.ReleaseRequest(req)
						protocol.ReleaseResponse(resp)
					}
					if got := (outcome{failed, readyOf(t, d)}); got != want {
						t.Errorf("%v, want %v", got, want)
					}
				})
			}
		}
	}
}

// plain is a server that speaks no TLS.
func plain(t testing.TB) string {
	s := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// strangers is a TLS server with a certificate that the caller does not trust.
func strangers(t testing.TB) string {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: private}}}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}
