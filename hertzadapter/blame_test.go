package hertzadapter

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cloudwego/hertz/pkg/app/client"
	"github.com/cloudwego/hertz/pkg/common/config"
	"github.com/cloudwego/hertz/pkg/protocol"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/internal/faulty"
	"github.com/rollcall-go/rollcall/registry"
)

// The only free connection to a node is in use: that ejects no healthy node.
func TestOwnLimitsEjectNoHealthyNode(t *testing.T) {
	var nodes []*registry.Node
	for i := range 4 {
		s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { time.Sleep(time.Millisecond) }))
		t.Cleanup(s.Close)
		nodes = append(nodes, &registry.Node{ID: fmt.Sprint(i), Address: s.Listener.Addr().String()})
	}
	for layer, dialer := range layers {
		t.Run(layer, func(t *testing.T) {
			d := discovery.New(discovery.Static(&registry.Service{Name: "shop", Nodes: nodes}))
			t.Cleanup(func() { must(t, d.Close()) })
			c, err := client.NewClient(client.WithMaxConnsPerHost(1), client.WithDialer(dialer()))
			must(t, err)
			t.Cleanup(c.CloseIdleConnections)
			c.Use(Discovery(d))
			results := make(chan error)
			for range 16 {
				go func() {
					var last error
					for range 50 {
						if _, _, err := c.Post(context.Background(), nil, "http://shop/", nil, config.WithSD(true)); err != nil {
							last = err
						}
					}
					results <- last
				}()
			}
			full := 0
			for range 16 {
				if err := <-results; err != nil {
					full++
				}
			}
			if full == 0 {
				t.Error("no caller has met the limit: nothing was tried")
			}
			if ready := readyOf(t, d); ready != "0 1 2 3" {
				t.Errorf("of four healthy nodes %q are left", ready)
			}
		})
	}
}

// With Maglev all keys of a node that hangs fail until it is ejected, and none after.
func TestHangingNodeIsEjected(t *testing.T) {
	good := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(good.Close)
	bad := behaves(faulty.Hang)(t)
	for layer, dialer := range layers {
		t.Run(layer, func(t *testing.T) {
			d := pair(t, bad, good.Listener.Addr().String(), discovery.Retries(0))
			c, err := client.NewClient(client.WithDialer(dialer()), client.WithClientReadTimeout(late))
			must(t, err)
			t.Cleanup(c.CloseIdleConnections)
			key := 0
			c.Use(Discovery(d, WithBalancer(discovery.Maglev()), WithHashKey(func(context.Context, *protocol.Request) string {
				key++
				return fmt.Sprint(key)
			})))
			failed := 0
			get := func() {
				if _, _, err := c.Get(t.Context(), nil, "http://shop/", config.WithSD(true)); err != nil {
					failed++
				}
			}
			for range 60 {
				get()
			}
			if failed != discovery.DefaultFailures {
				t.Errorf("%d calls failed, want %d: as many as eject the node", failed, discovery.DefaultFailures)
			}
		})
	}
}

// Beside a node that is down no POST fails, whatever its body.
func TestNoPostFailsBesideADeadNode(t *testing.T) {
	good := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }))
	t.Cleanup(good.Close)
	for layer, dialer := range layers {
		for name, set := range map[string]func(*protocol.Request){
			"a body":   func(req *protocol.Request) { req.SetBodyString("hello") },
			"a stream": func(req *protocol.Request) { req.SetBodyStream(strings.NewReader("hello"), 5) },
			"a stream of a limit": func(req *protocol.Request) {
				req.SetBodyStream(io.LimitReader(strings.NewReader("hello, world"), 5), -1)
			},
		} {
			t.Run(layer+"/"+name, func(t *testing.T) {
				d := pair(t, refused(t), good.Listener.Addr().String())
				c, err := client.NewClient(client.WithDialer(dialer()))
				must(t, err)
				t.Cleanup(c.CloseIdleConnections)
				c.Use(Discovery(d))
				failed := 0
				for range 100 {
					req, resp := protocol.AcquireRequest(), protocol.AcquireResponse()
					req.SetMethod("POST")
					req.SetRequestURI("http://shop/")
					req.SetOptions(config.WithSD(true))
					set(req)
					if err := c.Do(t.Context(), req, resp); err != nil {
						failed++
					} else if string(resp.Body()) != "hello" {
						t.Errorf("the node has received %q", resp.Body())
					}
					protocol.ReleaseRequest(req)
					protocol.ReleaseResponse(resp)
				}
				if failed > 0 {
					t.Errorf("%d of 100 failed", failed)
				}
			})
		}
	}
}

// A body that cannot be read is the caller's own fault, also where its error is one of
// the network.
func TestBodiesThatFailBlameNoNode(t *testing.T) {
	good := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	t.Cleanup(good.Close)
	for layer, dialer := range layers {
		t.Run(layer, func(t *testing.T) {
			d := pair(t, good.Listener.Addr().String(), good.Listener.Addr().String())
			c, err := client.NewClient(client.WithDialer(dialer()))
			must(t, err)
			t.Cleanup(c.CloseIdleConnections)
			c.Use(Discovery(d))
			for range 2 * discovery.DefaultFailures {
				req, resp := protocol.AcquireRequest(), protocol.AcquireResponse()
				req.SetMethod("PUT")
				req.SetRequestURI("http://shop/")
				req.SetOptions(config.WithSD(true))
				req.SetBodyStream(io.MultiReader(strings.NewReader("hello"), unreadable{}), 10)
				if err := c.Do(t.Context(), req, resp); !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("%v, want the error of the body", err)
				}
				protocol.ReleaseRequest(req)
				protocol.ReleaseResponse(resp)
			}
			if ready := readyOf(t, d); ready != "bad good" {
				t.Errorf("of two healthy nodes %q are left", ready)
			}
		})
	}
}

type unreadable struct{}

func (unreadable) Read([]byte) (int, error) {
	return 0, &net.OpError{Op: "read", Err: io.ErrUnexpectedEOF}
}
