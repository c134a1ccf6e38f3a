package discovery_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/discovery"
)

// A response is read as it is written, and the call lasts until its end.
func TestTransportStreams(t *testing.T) {
	next := make(chan string)
	c, _ := client(t, at(serve(t, func(w http.ResponseWriter, _ *http.Request) {
		for s := range next {
			_, _ = io.WriteString(w, s)
			w.(http.Flusher).Flush()
		}
	})))
	go func() { next <- "one\n" }()
	resp, err := c.Get("http://shop/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewReader(resp.Body)
	for _, want := range []string{"one\n", "two\n", "three\n"} {
		if want != "one\n" {
			next <- want
		}
		if got, err := lines.ReadString('\n'); got != want || err != nil {
			t.Fatalf("%q, %v; want %q", got, err, want)
		}
	}
	close(next)
	if _, err := lines.ReadByte(); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
}

// What a client writes comes to the server before it has written all.
func TestTransportStreamsUp(t *testing.T) {
	c, _ := client(t, at(serve(t, func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		line := bufio.NewReader(r.Body)
		for {
			s, err := line.ReadString('\n')
			if err != nil {
				return
			}
			_, _ = io.WriteString(w, "got "+s)
			w.(http.Flusher).Flush()
		}
	})))
	pr, pw := io.Pipe()
	go func() { _, _ = io.WriteString(pw, "one\n") }()
	resp, err := c.Do(request(t, "POST", "http://shop/", pr))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewReader(resp.Body)
	s, err := lines.ReadString('\n')
	same(t, "the first answer", s, "got one\n")
	wantNil(t, err)
	_, _ = io.WriteString(pw, "two\n")
	s, err = lines.ReadString('\n')
	same(t, "the second answer", s, "got two\n")
	wantNil(t, err)
	pw.Close()
}

func wantNil(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// A request counts as a call until its body has been read or closed, but as a probe
// it has shown enough once it is answered.
func TestTransportTellsDone(t *testing.T) {
	big := strings.Repeat("x", 1<<20)
	name := func(s string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Node", s)
			_, _ = io.WriteString(w, big)
		}
	}
	src := newFakeSource()
	src.set("shop", at(serve(t, name("a")), serve(t, name("b"))))
	r := resolver(t, src, discovery.WithBalancer(discovery.LeastLoaded()),
		discovery.Ejection(1, time.Millisecond, time.Millisecond))
	c := &http.Client{Transport: discovery.Transport(r, &http.Transport{})}
	t.Cleanup(c.CloseIdleConnections)
	get := func() *http.Response {
		resp, err := c.Get("http://shop/")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { resp.Body.Close() })
		return resp
	}
	one, two := get(), get()
	first := one.Header.Get("Node")
	if first == two.Header.Get("Node") {
		t.Error("a node that has a call under way gets the next one too")
	}
	if _, err := io.ReadAll(one.Body); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		next := get()
		same(t, "after the body was read or closed", next.Header.Get("Node"), first)
		next.Body.Close()
	}

	call(t, r, "a", 1, errBroken)
	same(t, "ejected", ready(t, r), "b")
	for deadline := time.Now().Add(time.Minute); ready(t, r) != "a b"; get() {
		if time.Now().After(deadline) {
			t.Fatal("it does not come back")
		}
	}
}

// Which responses count as failures, and that a bad request does not.
func TestTransportFeedsBack(t *testing.T) {
	for _, tc := range []struct {
		name    string
		status  int
		body    string
		header  string
		cancel  bool
		ejected bool
	}{
		{name: "200", status: 200, body: "fine"},
		{name: "404", status: 404, body: "not here"},
		{name: "500", status: 500, body: "my fault"},
		{name: "502", status: 502, body: "not me", ejected: true},
		{name: "503", status: 503, ejected: true},
		{name: "504", status: 504, body: "too late", ejected: true},
		{name: "a body that breaks off", status: -1, ejected: true},
		{name: "a bad request", status: 200, header: "a\nb"},
		{name: "cancelled", status: 200, cancel: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			answer := func(w http.ResponseWriter, _ *http.Request) {
				if tc.status < 0 {
					w.Header().Set("Content-Length", "10")
					_, _ = io.WriteString(w, "half")
					return
				}
				w.WriteHeader(tc.status)
				_, _ = io.WriteString(w, tc.body)
			}
			c, r := client(t, at(serve(t, answer), serve(t, answer), serve(t, answer)))
			for range 30 {
				req := request(t, "POST", "http://shop/", nil)
				req.Header.Set("X-Test", tc.header)
				if tc.cancel {
					ctx, cancel := context.WithCancelCause(t.Context())
					cancel(errBroken)
					req = req.WithContext(ctx)
				}
				if resp, err := c.Do(req); err == nil {
					_, _ = io.ReadAll(resp.Body)
					resp.Body.Close()
				}
			}
			same(t, "ejected", len(resolve(t, r).Ready()) < 3, tc.ejected)
		})
	}
}
