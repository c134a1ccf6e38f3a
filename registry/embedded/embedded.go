// Package embedded runs a Redis inside the process, for demos and tests, where
// there is no server to install. It is [miniredis] on TCP with its clock ticking.
//
// Any Redis client may use it: the data types, Lua scripts, transactions,
// pub/sub, expiry. It is no Redis for production: there are no keyspace events,
// no CONFIG, no ACL, no replication and no persistence. The data is gone with
// the process.
//
// A key with a TTL expires by itself, up to 50 ms early or late. A client that
// leaves its replies or messages unread for a second, with the connection full,
// is disconnected, since the whole server waits for it.
//
// Importing the package, if only for its side effect, is what makes the registry
// "embedded" known to the flags of package registry; other programs do not link it.
//
// [miniredis]: https://github.com/alicebob/miniredis
package embedded

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/rollcall-go/rollcall/internal/backend"
)

const (
	tick       = 50 * time.Millisecond // how often expiry is looked at
	writeLimit = time.Second           // how long one client may hold up the others
)

func init() {
	backend.Register("embedded", func(addr string) (string, func() error, error) {
		var opts []Option
		if addr != "" {
			opts = append(opts, Address(addr))
		}
		s, err := Start(opts...)
		if err != nil {
			return "", nil, err
		}
		return s.Addr(), s.Close, nil
	})
}

// Option changes what Start does.
type Option func(*options)

type options struct{ addr string }

// Address sets the address to listen on, host:port; port 0 is a free one. The
// default is "127.0.0.1:0". There is no password: any process that reaches the address
// can read and change the data.
func Address(addr string) Option { return func(o *options) { o.addr = addr } }

// Server is a running in-process Redis, made by Start. Its methods may be called from
// many goroutines. Of a nil one, and of the zero value, there is no address, and Close is
// an error.
type Server struct {
	redis    *miniredis.Miniredis
	listener net.Listener
	cancel   context.CancelFunc
	work     sync.WaitGroup // the clock and the accept loop
	close    func() error
}

// Start starts a server. It fails when the address cannot be listened on.
func Start(opts ...Option) (*Server, error) {
	o := options{addr: "127.0.0.1:0"}
	for _, opt := range opts {
		if opt != nil {
			opt(&o)
		}
	}
	l, err := net.Listen("tcp", o.addr)
	if err != nil {
		return nil, fmt.Errorf("rollcall: start the embedded redis on %q: %w", o.addr, err)
	}

	// The listener is ours, so that slow clients can be cut. Dial is what starts
	// a miniredis without one.
	redis := miniredis.NewMiniRedis()
	c, err := redis.Dial()
	if err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("rollcall: start the embedded redis: %w", err)
	}
	_ = c.Close()

	ctx, cancel := context.WithCancel(context.Background())
	s := &Server{redis: redis, listener: l, cancel: cancel}
	s.close = sync.OnceValue(s.shutDown)
	s.work.Go(func() { s.accept(ctx) })
	s.work.Go(func() {
		ticker := time.NewTicker(tick)
		defer ticker.Stop()
		keepTime(ctx, ticker.C, redis.FastForward)
	})
	return s, nil
}

func (s *Server) started() bool { return s != nil && s.close != nil }

// Addr returns the address that clients dial, host:port.
func (s *Server) Addr() string {
	if !s.started() {
		return ""
	}
	return s.listener.Addr().String()
}

// URL returns redis://host:port.
func (s *Server) URL() string {
	if !s.started() {
		return ""
	}
	return "redis://" + s.Addr()
}

// Close stops the server, drops every connection and waits until its goroutines
// have ended. It may be called many times.
func (s *Server) Close() error {
	if !s.started() {
		return errors.New("rollcall: close the embedded redis: it was not started: call embedded.Start")
	}
	return s.close()
}

func (s *Server) shutDown() error {
	s.cancel()
	err := s.listener.Close()
	s.work.Wait()
	s.redis.Close()
	return err
}

// accept serves clients until the listener is closed.
func (s *Server) accept(ctx context.Context) {
	for {
		c, err := s.listener.Accept()
		if err == nil {
			s.redis.Server().ServeConn(client{c})
			continue
		}
		select { // no more file descriptors, perhaps: that may pass
		case <-ctx.Done():
			return
		case <-time.After(tick):
		}
	}
}

// keepTime forwards the clock of the TTLs by what has really passed: a tick may
// come late, and the ticks that it swallowed do not come at all.
func keepTime(ctx context.Context, ticks <-chan time.Time, forward func(time.Duration)) {
	for last := time.Now(); ; {
		select {
		case <-ctx.Done():
			return
		case <-ticks:
			now := time.Now()
			forward(now.Sub(last))
			last = now
		}
	}
}

// client is a connection that ends when its peer does not read.
type client struct{ net.Conn }

// Write writes b, or closes the connection.
func (c client) Write(b []byte) (int, error) {
	err := c.SetWriteDeadline(time.Now().Add(writeLimit))
	if err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(b)
	if err != nil {
		_ = c.Close()
	}
	return n, err
}
