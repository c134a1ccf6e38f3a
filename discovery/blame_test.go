package discovery_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/registry"
)

// A request whose body cannot be read, or is not as long as it says, is the caller's
// own fault.
func TestBodiesThatFailBlameNoNode(t *testing.T) {
	for name, tc := range map[string]struct {
		body io.Reader
		size int64
	}{
		"cannot be read":        {io.MultiReader(strings.NewReader("hello"), failing{errBroken}), -1},
		"of another connection": {failing{&net.OpError{Op: "read", Err: errBroken}}, -1},
		"breaks off":            {io.MultiReader(strings.NewReader("hello"), failing{io.ErrUnexpectedEOF}), 10},
		"shorter than it says":  {io.MultiReader(strings.NewReader("hello")), 10},
		"longer than it says":   {io.MultiReader(strings.NewReader("hello")), 3},
	} {
		t.Run(name, func(t *testing.T) {
			a := serve(t, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.ReadAll(r.Body) })
			c, r := client(t, at(a, a))
			for range 2 * discovery.DefaultFailures {
				req := request(t, "PUT", "http://shop/", tc.body)
				req.ContentLength = tc.size
				resp, err := c.Do(req)
				if err == nil {
					_ = resp.Body.Close()
					if name != "longer than it says" {
						t.Error("no error")
					}
				}
				if s, again := tc.body.(io.Seeker); again {
					_, _ = s.Seek(0, io.SeekStart)
				}
			}
			same(t, "ready", ready(t, r), "a b")
		})
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// A call that is made too late is no node's fault, and none is called.
func TestLateCallsBlameNoNode(t *testing.T) {
	src := newFakeSource()
	var hits atomic.Int32
	address := serve(t, func(http.ResponseWriter, *http.Request) { hits.Add(1) })
	src.set("shop", at(address, address))
	r := resolver(t, src)
	resolve(t, r)
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	for range 4 * discovery.DefaultFailures {
		err := r.Do(ctx, "shop", func(ctx context.Context, _ *registry.Node) error {
			hits.Add(1)
			return ctx.Err()
		})
		wantErr(t, "Do", err, context.DeadlineExceeded)
		_, err = r.DialContext(ctx, "tcp", "shop")
		wantErr(t, "DialContext", err, context.DeadlineExceeded)
		req, _ := http.NewRequestWithContext(ctx, "GET", "http://shop/", nil)
		_, err = discovery.Transport(r, nil).RoundTrip(req)
		wantErr(t, "Transport", err, context.DeadlineExceeded)
	}
	same(t, "calls", hits.Load(), 0)
	same(t, "ready", ready(t, r), "a b")
}

// Beside a node that is down, no request fails, of whatever kind.
func TestNoRequestFailsBesideADeadNode(t *testing.T) {
	for name, body := range map[string]func() io.Reader{
		"POST":           func() io.Reader { return strings.NewReader("hello") },
		"POST, streamed": func() io.Reader { return io.MultiReader(strings.NewReader("hel"), strings.NewReader("lo")) },
		"POST, empty":    func() io.Reader { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			good := serve(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
			c, _ := client(t, at(dead(t), good, good))
			failed := 0
			for range 100 {
				req := request(t, "POST", "http://shop/", body())
				var closed *closing
				if req.Body != nil && req.GetBody == nil {
					closed = &closing{Reader: req.Body}
					req.Body = closed
				}
				resp, err := c.Do(req)
				if err != nil {
					failed++
					continue
				}
				got, _ := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				same(t, "the answer", string(got), map[bool]string{true: "hello"}[req.Body != nil])
				same(t, "the body is closed", closed == nil || closed.closed, true)
			}
			same(t, "failed", failed, 0)
		})
	}
}

// Once has Do make a call again only where the node has received nothing.
func TestDoOnce(t *testing.T) {
	unsent := &discovery.CallError{Err: errBroken, Unsent: true}
	for name, tc := range map[string]struct {
		err   error
		tries int
	}{
		"an unknown error":           {errBroken, 1},
		"that says nothing was sent": {unsent, 3},
		"nothing sent, own limit":    {&discovery.CallError{Err: errBroken, Fault: discovery.FaultCaller, Unsent: true}, 3},
		"neither side's fault":       {&discovery.CallError{Err: errBroken, Fault: discovery.FaultNeither}, 1},
		"a dial":                     {nil, 3},
	} {
		t.Run(name, func(t *testing.T) {
			src := newFakeSource()
			src.set("shop", ten())
			r := resolver(t, src)
			tries := 0
			err := r.Do(t.Context(), "shop", func(ctx context.Context, _ *registry.Node) error {
				tries++
				if tc.err != nil {
					return tc.err
				}
				_, err := (&net.Dialer{}).DialContext(ctx, "tcp", dead(t))
				return err
			}, discovery.Once())
			if err == nil || tc.err != nil && !errors.Is(err, errBroken) {
				t.Error(err)
			}
			same(t, "tries", tries, tc.tries)
		})
	}
}
