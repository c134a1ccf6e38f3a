package discovery_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// A redirect from a service leads to another service if the source knows it, and to the
// world if not. A URL that a user writes means a service.
func TestTransportFollowsRedirects(t *testing.T) {
	other := serve(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "other "+r.Host) })
	till := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "till") })
	shop := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if to := r.URL.Query().Get("to"); to != "" {
			http.Redirect(w, r, to, http.StatusTemporaryRedirect)
			return
		}
		_, _ = io.WriteString(w, "shop")
	})
	services := []*registry.Service{
		{Name: "shop", Nodes: []*registry.Node{{Address: shop}}},
		{Name: "till", Nodes: []*registry.Node{{Address: till}}},
		{Name: "till", Namespace: "eu", Nodes: []*registry.Node{{Address: other}}},
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	base := &http.Transport{DialContext: func(_ context.Context, network, address string) (net.Conn, error) {
		if host, _, _ := net.SplitHostPort(address); host == "example.com" || host == "example.org" {
			address = other
		}
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}}
	defer base.CloseIdleConnections()

	redis := redistest.Start(t)
	reg := open(t, redistest.Topology{Addrs: []string{redis.Addr()}}, registry.Timeout(time.Second))
	for _, s := range services {
		register(t, reg, s)
	}
	for name, src := range map[string]discovery.Source{"static": discovery.Static(services...), "redis": reg} {
		t.Run(name, func(t *testing.T) {
			r := resolver(t, src)
			c := &http.Client{Transport: discovery.Transport(r, base)}
			want := map[string]string{
				"http://shop/":                        "shop",
				"http://shop/?to=/":                   "shop",
				"http://shop/?to=http://shop/":        "shop",
				"http://shop/?to=http://till/":        "till",
				"http://shop/?to=http://example.com":  "other example.com",
				"http://" + shop + "/?to=http://till": "till",
			}
			for url, want := range want {
				same(t, url, body(t, c, request(t, "GET", url, nil)), want)
			}
			_, err := c.Get("http://example.com/")
			wantErr(t, "a host that no redirect leads to", err, registry.ErrNotFound)

			c.Transport = discovery.Transport(r, base, discovery.PickBy(func(req *http.Request) []discovery.PickOption {
				if req.URL.Host == "till" {
					return []discovery.PickOption{discovery.Namespace("eu"), discovery.Version("")}
				}
				return nil
			}))
			same(t, "another namespace", body(t, c, request(t, "GET", "http://shop/?to=http://till", nil)), "other till")
			if name != "redis" {
				return
			}
			redis.Kill()
			defer redis.Restart(false)
			same(t, "in an outage", body(t, c, request(t, "GET", "http://shop/?to=http://example.org", nil)), "other example.org")
		})
	}
}

func TestResolverKnows(t *testing.T) {
	src := newFakeSource()
	src.set("shop", shop(1, "a"))
	src.set("empty", shop(2))
	src.set("none", &registry.View{})
	src.news("eu/till", shop(1, "a"), nil)
	r := resolver(t, src, discovery.Timeout(50*time.Millisecond))
	for name, want := range map[string]bool{"shop": true, "empty": true, "none": false, "till": false, "silent": false} {
		same(t, name, r.Knows(t.Context(), name), want)
	}
	same(t, "of another namespace", r.Knows(t.Context(), "till", discovery.Namespace("eu"), discovery.Version("9")), true)
}
