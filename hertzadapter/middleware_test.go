package hertzadapter

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/cloudwego/hertz/pkg/app/client"
	"github.com/cloudwego/hertz/pkg/common/config"
	hertzerrors "github.com/cloudwego/hertz/pkg/common/errors"
	"github.com/cloudwego/hertz/pkg/protocol"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/registry"
)

// trips are the hosts that requests went to, and what they came to: the errors in
// turn, and nil beyond them.
type trips struct {
	hosts []string
	errs  []error
}

func (s *trips) endpoint(_ context.Context, req *protocol.Request, _ *protocol.Response) error {
	s.hosts = append(s.hosts, string(req.Host()))
	if n := len(s.hosts); n <= len(s.errs) {
		return s.errs[n-1]
	}
	return nil
}

// send sends a request for the service "shop" through a middleware.
func send(t *testing.T, mw client.Middleware, s *trips, adapt ...func(*protocol.Request)) error {
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
	s := &trips{}
	for range 6 {
		must(t, send(t, mw, s))
	}
	for _, host := range []string{"a:1", "b:1", "c:1"} {
		if n := strings.Count(strings.Join(s.hosts, " "), host); n != 2 {
			t.Errorf("%s was called %d times of 6: %v", host, n, s.hosts)
		}
	}

	s = &trips{}
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
		s := &trips{}
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

func TestMiddlewareTriesAgain(t *testing.T) {
	closed := hertzerrors.ErrConnectionClosed
	late := hertzerrors.New(hertzerrors.ErrTimeout, hertzerrors.ErrorTypePublic, "host client")
	other := errors.New("said by another middleware")
	post := func(req *protocol.Request) { req.SetMethod("POST") }
	for name, c := range map[string]struct {
		adapt []func(*protocol.Request)
		errs  []error
		tries int
		want  error
	}{
		"no failure":                 {nil, nil, 1, nil},
		"closed":                     {nil, []error{closed}, 2, nil},
		"at its end":                 {nil, []error{io.EOF, late}, 3, nil},
		"everywhere":                 {nil, []error{closed, closed, closed}, 3, closed},
		"an error of others":         {nil, []error{other}, 1, other},
		"no connection free":         {nil, []error{hertzerrors.ErrNoFreeConns}, 1, hertzerrors.ErrNoFreeConns},
		"a PUT":                      {[]func(*protocol.Request){func(r *protocol.Request) { r.SetMethod("PUT") }}, []error{closed}, 2, nil},
		"a POST":                     {[]func(*protocol.Request){post}, []error{closed}, 1, closed},
		"a POST that goes well":      {[]func(*protocol.Request){post}, nil, 1, nil},
		"a stream":                   {[]func(*protocol.Request){func(r *protocol.Request) { r.SetBodyStream(strings.NewReader("x"), 1) }}, []error{closed}, 1, closed},
		"its time is over":           {[]func(*protocol.Request){func(r *protocol.Request) { r.SetOptions(config.WithRequestTimeout(1)) }}, []error{late}, 1, hertzerrors.ErrTimeout},
		"it has time":                {[]func(*protocol.Request){func(r *protocol.Request) { r.SetOptions(config.WithRequestTimeout(time.Minute)) }}, []error{late}, 2, nil},
		"a node that does not exist": {[]func(*protocol.Request){func(r *protocol.Request) { r.SetOptions(config.WithTag("version", "3")) }}, nil, 0, discovery.ErrNoNodes},
		"a service that does not":    {[]func(*protocol.Request){func(r *protocol.Request) { r.SetHost("nobody") }}, nil, 0, registry.ErrNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			s := &trips{errs: c.errs}
			err := send(t, Discovery(live(t, shops())), s, c.adapt...)
			if !errors.Is(err, c.want) || len(s.hosts) != c.tries {
				t.Errorf("%d tries, %v; want %d, %v", len(s.hosts), err, c.tries, c.want)
			}
			seen := map[string]bool{}
			for _, host := range s.hosts {
				if seen[host] {
					t.Errorf("%s was tried twice: %v", host, s.hosts)
				}
				seen[host] = true
			}
		})
	}
}

// A node that fails is ejected, whether or not its calls may be repeated.
func TestMiddlewareFeedsBack(t *testing.T) {
	d := live(t, shops())
	mw := Discovery(d, WithBalancer(discovery.RoundRobin()))
	broken := func(next client.Endpoint) client.Endpoint {
		return func(ctx context.Context, req *protocol.Request, resp *protocol.Response) error {
			if string(req.Host()) == "b:1" {
				return hertzerrors.ErrConnectionClosed
			}
			return next(ctx, req, resp)
		}
	}
	all := func(next client.Endpoint) client.Endpoint { return mw(broken(next)) }
	for i := range 60 {
		_ = send(t, all, &trips{}, func(req *protocol.Request) {
			if i%2 == 0 {
				req.SetMethod("POST")
			}
		})
	}
	v, err := d.Resolve(t.Context(), "shop")
	must(t, err)
	for _, n := range v.Ready() {
		if n.ID == "b" {
			t.Error("it is not ejected")
		}
	}
}

func TestMiddlewareWithAddresses(t *testing.T) {
	mw := Discovery(nil, WithAddresses("shop", "x:1", "y:1"), WithAddresses("none"))
	s := &trips{}
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

// What a resolver reads is not for an option of its user to say.
func TestCommunityKeysAreOfTheSource(t *testing.T) {
	d := live(t, shops())
	if err := send(t, Discovery(d, WithCommunityKeys(true)), &trips{}); !errors.Is(err, registry.ErrInvalid) {
		t.Errorf("Discovery: %v, want ErrInvalid", err)
	}
	if _, err := NewResolver(d, WithCommunityKeys(true)).Resolve(t.Context(), "shop"); !errors.Is(err, registry.ErrInvalid) {
		t.Errorf("NewResolver: %v, want ErrInvalid", err)
	}
}

func TestMiddlewareRefusesUnixSockets(t *testing.T) {
	s := &trips{}
	mw := Discovery(live(t, list{{Name: "shop", Nodes: []*registry.Node{{ID: "a", Network: "unix", Address: "/run/a"}}}}))
	if err := send(t, mw, s); err == nil || !strings.Contains(err.Error(), "/run/a") || len(s.hosts) != 0 {
		t.Errorf("%v, and it went to %v", err, s.hosts)
	}
}
