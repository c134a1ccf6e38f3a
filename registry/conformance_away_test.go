package registry_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

var away = []testCase{
	{"no server answers: calls", func(t *testing.T, tp redistest.Topology) { callsWhileAway(t, tp, (*uplink).cut) }},
	{"servers are silent: calls", func(t *testing.T, tp redistest.Topology) { callsWhileAway(t, tp, (*uplink).hang) }},
	{"no server answers: Close", func(t *testing.T, tp redistest.Topology) { closeWhileAway(t, tp, (*uplink).cut) }},
	{"servers are silent: Close", func(t *testing.T, tp redistest.Topology) { closeWhileAway(t, tp, (*uplink).hang) }},
}

// Calls are errors within their time, and what was registered before comes back by
// itself.
func callsWhileAway(t *testing.T, tp redistest.Topology, fail func(*uplink)) {
	const bound = 300 * time.Millisecond
	w, seen := &uplink{}, newStates()
	r := open(t, tp, registry.Client(w.client(t, tp)))
	register(t, r, service("shop", node("a")), registry.RegisterTTL(2*time.Second), seen.option())
	seen.next(t, registry.Live)
	fail(w)
	for what, call := range map[string]func(context.Context) error{
		"Register":     func(ctx context.Context) error { return r.Register(ctx, service("desk", node("a"))) },
		"GetService":   func(ctx context.Context) error { _, err := r.GetService(ctx, "shop"); return err },
		"ListServices": func(ctx context.Context) error { _, err := r.ListServices(ctx); return err },
	} {
		ctx, cancel := context.WithTimeout(t.Context(), bound)
		began := time.Now()
		wantErr(t, call(ctx), registry.ErrUnavailable)
		bounded(t, began, bound, what)
		cancel()
	}
	if err := seen.next(t, registry.Lost); !errors.Is(err, registry.ErrUnavailable) {
		t.Errorf("lost for %v, want ErrUnavailable", err)
	}
	w.heal()
	seen.next(t, registry.Live)
	eventually(t, patience, func() error { return sameIDs(t, r, "shop", "/a") })
}

// Close takes no longer than its context, and returns an error that nodes were not deregistered.
func closeWhileAway(t *testing.T, tp redistest.Topology, fail func(*uplink)) {
	const bound = 500 * time.Millisecond
	w := &uplink{}
	r := open(t, tp, registry.Client(w.client(t, tp)))
	register(t, r, service("shop", node("a")))
	fail(w)
	ctx, cancel := context.WithTimeout(t.Context(), bound)
	defer cancel()
	began := time.Now()
	wantErr(t, r.Close(ctx), registry.ErrUnavailable)
	bounded(t, began, bound, "Close")
}

// An uplink is the connections of one client, to any number of servers, and what becomes
// of them.
type uplink struct {
	mu          sync.Mutex
	down, mute  bool
	connections []net.Conn
}

func (w *uplink) client(t *testing.T, tp redistest.Topology) redis.UniversalClient {
	t.Helper()
	return tp.NewClient(t, func(o *redis.UniversalOptions) { o.Dialer = w.dial })
}

func (w *uplink) dial(ctx context.Context, network, address string) (net.Conn, error) {
	w.mu.Lock()
	down := w.down
	w.mu.Unlock()
	if down {
		return nil, &net.OpError{Op: "dial", Net: network, Err: errors.New("cut off")}
	}
	var d net.Dialer
	c, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.connections = append(w.connections, c)
	return uplinkConn{c, w}, nil
}

// cut ends all connections and lets no new one come up.
func (w *uplink) cut() { w.set(true, false, true) }

// hang leaves connections up, and no byte passes.
func (w *uplink) hang() { w.set(false, true, false) }

func (w *uplink) heal() { w.set(false, false, true) }

func (w *uplink) set(down, mute, end bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down, w.mute = down, mute
	if end {
		for _, c := range w.connections {
			_ = c.Close()
		}
		w.connections = nil
	}
}

// An uplinkConn loses what is written to it while its uplink hangs.
type uplinkConn struct {
	net.Conn
	of *uplink
}

func (w uplinkConn) Write(b []byte) (int, error) {
	w.of.mu.Lock()
	mute := w.of.mute
	w.of.mu.Unlock()
	if mute {
		return len(b), nil
	}
	return w.Conn.Write(b)
}
