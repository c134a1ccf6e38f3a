package discovery

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/balance"
	"github.com/rollcall-go/rollcall/registry"
)

// wantIdle fails where a node has other than no calls under way.
func wantIdle(t *testing.T, r *Resolver) {
	t.Helper()
	_, table := r.hub.Ready("shop")
	for _, m := range table.View.Members {
		if n := m.UnderWay(); n != 0 {
			t.Errorf("%s: %d calls are under way, want none", m.ID, n)
		}
	}
}

// The first Done of a call counts, and no other: on the same copy, on another one, at
// the same time, and when others are called meanwhile.
func TestDoneCountsOnce(t *testing.T) {
	for _, b := range everyBalancer {
		t.Run(b.String(), func(t *testing.T) {
			r := started(t, manyNodes(3), b)
			pick := func() Picked {
				t.Helper()
				p, err := r.Pick(t.Context(), "shop")
				if err != nil {
					t.Fatal(err)
				}
				return p
			}
			var old []Picked
			for range 100 {
				p := pick()
				same := p
				var together sync.WaitGroup
				for range 4 {
					together.Go(func() { same.Done(nil) })
				}
				p.Done(nil)
				together.Wait()
				if p.Node() == nil {
					t.Fatal("the node is forgotten")
				}
				old = append(old, p)
			}
			wantIdle(t, r)
			open := pick()
			for _, p := range old {
				p.Done(errors.New("late"))
			}
			if open.call.Member.UnderWay() < 1 && b.policy().Tracks() != balance.Untracked {
				t.Error("an old call has ended another one")
			}
			open.Done(nil)
			wantIdle(t, r)
			pick().Done(nil) // else Ring would search for ever
		})
	}
}

// A failure that is reported often is one failure.
func TestDoneFailsOnce(t *testing.T) {
	for _, b := range everyBalancer {
		t.Run(b.String(), func(t *testing.T) {
			r := started(t, manyNodes(3), b)
			p, err := r.Pick(t.Context(), "shop")
			if err != nil {
				t.Fatal(err)
			}
			for range 10 * DefaultFailures {
				p.Done(errors.New("broken"))
			}
			if n := p.call.Member.Fails(); n != 1 || p.call.Member.Ejected() {
				t.Errorf("%d failures, ejected: %v, want 1 and false", n, p.call.Member.Ejected())
			}
		})
	}
}

// A Picked of an error is no call.
func TestDoneOfNothing(t *testing.T) {
	Picked{}.Done(nil)
	Picked{}.Done(errors.New("no"))
	if n := (Picked{}).Node(); n != nil {
		t.Errorf("its node is %v", n)
	}
}

// A connection and a body may be closed often.
func TestClosedOften(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }))
	defer server.Close()
	for _, b := range everyBalancer {
		t.Run(b.String(), func(t *testing.T) {
			src := Static(&registry.Service{Name: "shop", Nodes: []*registry.Node{{Address: server.Listener.Addr().String()}}})
			r := started(t, src, b)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			conn, err := r.DialContext(ctx, "tcp", "shop")
			if err != nil {
				t.Fatal(err)
			}
			if err := conn.Close(); err != nil {
				t.Error(err)
			}
			if err := conn.Close(); !errors.Is(err, net.ErrClosed) {
				t.Errorf("the second Close: %v", err)
			}
			base := &http.Transport{}
			defer base.CloseIdleConnections()
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://shop/", nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := Transport(r, base).RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			_ = resp.Body.Close()
			wantIdle(t, r)
		})
	}
}

// A RoundTripper, or a GetBody, that panics leaves no call under way.
func TestARoundTripperThatPanicsHasNoCallUnderWay(t *testing.T) {
	for _, b := range everyBalancer {
		t.Run(b.String(), func(t *testing.T) {
			r := started(t, manyNodes(3), b)
			base := roundTrips(func(*http.Request) (*http.Response, error) { panic("a mistake") })
			again := roundTrips(func(req *http.Request) (*http.Response, error) {
				_, _ = io.ReadAll(req.Body)
				return nil, errors.New("broken")
			})
			for name, c := range map[string]struct {
				base http.RoundTripper
				req  *http.Request
			}{
				"RoundTrip": {base, httptest.NewRequest("GET", "http://shop/", nil)},
				"GetBody":   {again, bodyThatPanics()},
			} {
				func() {
					defer func() {
						if recover() == nil {
							t.Errorf("%s: no panic", name)
						}
					}()
					_, _ = Transport(r, c.base).RoundTrip(c.req) //nolint:bodyclose // there is none
				}()
				wantIdle(t, r)
			}
		})
	}
}

type roundTrips func(*http.Request) (*http.Response, error)

func (f roundTrips) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// Nor does one that returns nothing, and it is an error.
func TestARoundTripperThatReturnsNothing(t *testing.T) {
	r := started(t, manyNodes(3), LeastLoaded())
	nothing := roundTrips(func(*http.Request) (*http.Response, error) { return nil, nil })
	_, err := Transport(r, nothing).RoundTrip(httptest.NewRequest("GET", "http://shop/", nil)) //nolint:bodyclose // there is none
	if err == nil || !strings.Contains(err.Error(), "neither a response nor an error") {
		t.Error(err)
	}
	wantIdle(t, r)
}

func bodyThatPanics() *http.Request {
	req := httptest.NewRequest("PUT", "http://shop/", io.NopCloser(io.MultiReader()))
	req.GetBody = func() (io.ReadCloser, error) { panic("a mistake") }
	return req
}
