package discovery_test

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/registry"
)

func TestTransportLeavesOthersAlone(t *testing.T) {
	other := serve(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "other "+r.Host) })
	_, port, _ := net.SplitHostPort(other)
	shopServer := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/away" {
			http.Redirect(w, r, "http://"+other+"/", http.StatusFound)
			return
		}
		if r.URL.Path == "/here" {
			http.Redirect(w, r, "/there", http.StatusFound)
			return
		}
		_, _ = io.WriteString(w, "shop")
	})
	c, _ := client(t, at(shopServer))
	for url, want := range map[string]string{
		"http://shop/":             "shop",
		"http://shop/here":         "shop",
		"http://shop/away":         "other " + other,
		"http://" + other + "/":    "other " + other,
		"http://localhost:" + port: "other localhost:" + port,
		"http://127.0.0.1:" + port: "other 127.0.0.1:" + port,
	} {
		same(t, url, body(t, c, request(t, "GET", url, nil)), want)
	}
	_, err := c.Get("http://none/")
	wantErr(t, "an unknown service", err, registry.ErrNotFound)

	var passed []string
	alone := roundTripper(func(req *http.Request) (*http.Response, error) {
		passed = append(passed, req.URL.String())
		return nil, errBroken
	})
	r := discovery.New(newFakeSource())
	defer r.Close()
	tr := discovery.Transport(r, alone, discovery.OnlyHosts(func(host string) bool { return host == "shop" }))
	for _, url := range []string{"http://example.com/", "https://10.0.0.1/", "http://[::1]/", "http://shop:80/", "ftp://shop/"} {
		_, err := tr.RoundTrip(request(t, "GET", url, nil))
		same(t, url, err, errBroken)
		same(t, "passed on", passed[len(passed)-1], url)
	}
	_, err = tr.RoundTrip(&http.Request{URL: &url.URL{Scheme: "http"}})
	same(t, "no host", err, errBroken)
	tr.(interface{ CloseIdleConnections() }).CloseIdleConnections() // base has none
}

func TestIsService(t *testing.T) {
	for host, want := range map[string]bool{
		"shop": true, "shop.eu": true, "1.2.3": true, "Ladengeschäft": true,
		"": false, "10.0.0.1": false, "::1": false, "[::1]": false, "[::1]:80": false, "[fe80::1%eth0]": false,
		"shop:80": false, "shop:": false, ":80": false, "[shop]": false, "a:b:c": false,
	} {
		same(t, host, discovery.IsService(host), want)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func TestTransportPicksBy(t *testing.T) {
	name := func(s string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, s) }
	}
	v := at(serve(t, name("a")), serve(t, name("b")))
	v.Services[0].Nodes[1].Metadata = map[string]string{"tier": "gold"}
	c, _ := client(t, v, discovery.PickBy(func(req *http.Request) []discovery.PickOption {
		if tier := req.Header.Get("Tier"); tier != "" {
			return pick(discovery.Label("tier", tier), discovery.Namespace("eu"))
		}
		return nil
	}))
	for range 3 {
		req := request(t, "GET", "http://shop/", nil)
		req.Header.Set("Tier", "gold")
		same(t, "gold", body(t, c, req), "b")
	}
	req := request(t, "POST", "http://shop/", strings.NewReader("x"))
	req.Header.Set("Tier", "tin")
	closed := &closing{Reader: req.Body}
	req.Body = closed
	_, err := c.Do(req)
	wantErr(t, "tin", err, discovery.ErrNoNodes)
	same(t, "the body is closed", closed.closed, true)
}

type closing struct {
	io.Reader
	closed bool
}

func (c *closing) Close() error {
	c.closed = true
	return nil
}

func TestTransportAndUnixSockets(t *testing.T) {
	v := at("/run/shop.sock")
	v.Services[0].Nodes[0].Network = "unix"
	c, _ := client(t, v)
	_, err := c.Get("http://shop/")
	wantErr(t, "a unix socket", err, registry.ErrInvalid)
	if !strings.Contains(err.Error(), "DialContext") {
		t.Errorf("%v does not say what to do", err)
	}
}

// A connection that changes its protocol can be written to.
func TestTransportSwitchesProtocols(t *testing.T) {
	c, _ := client(t, at(serve(t, func(w http.ResponseWriter, _ *http.Request) {
		conn, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		_ = rw.Flush()
		line, _ := rw.ReadString('\n')
		_, _ = rw.WriteString("echo " + line)
		_ = rw.Flush()
	})))
	req := request(t, "GET", "http://shop/", nil)
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", "echo")
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	rw, ok := resp.Body.(io.ReadWriteCloser)
	if !ok {
		t.Fatalf("%T cannot be written to", resp.Body)
	}
	_, _ = io.WriteString(rw, "hello\n")
	got, _ := io.ReadAll(rw)
	same(t, "the echo", string(got), "echo hello\n")
}
