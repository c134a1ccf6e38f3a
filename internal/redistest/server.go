package redistest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Server is one redis-server process on 127.0.0.1.
type Server struct {
	t testing.TB
	*instance
}

// Start starts a standalone server without persistence and stops it at the end
// of the test. args are further options as on its command line, for example
// "--maxmemory", "10mb"; DEBUG is allowed by "--enable-debug-command", "yes"
// (Redis 7 and later).
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	return start(t, false, args...)
}

func start(t testing.TB, bus bool, args ...string) *Server {
	t.Helper()
	i, err := newInstance(bus, args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(i.stop)
	return &Server{t: t, instance: i}
}

// forTest returns the same servers for another test.
func forTest(t testing.TB, servers []*Server) []*Server {
	out := make([]*Server, len(servers))
	for i, s := range servers {
		out[i] = &Server{t: t, instance: s.instance}
	}
	return out
}

func addrs(servers []*Server) []string {
	out := make([]string, len(servers))
	for i, s := range servers {
		out[i] = s.Addr()
	}
	return out
}

// running returns the servers that are neither dead nor paused.
func running(servers []*Server) []*Server {
	var out []*Server
	for _, s := range servers {
		if s.Running() {
			out = append(out, s)
		}
	}
	return out
}

// Addr returns host:port. It stays the same over restarts.
func (s *Server) Addr() string { return s.addr() }

// URL returns redis://host:port.
func (s *Server) URL() string { return "redis://" + s.addr() }

// Client returns the client of this one server, for what the test does behind
// the back of the code under test. It is closed with the server.
func (s *Server) Client() *redis.Client { return s.client }

// Running says whether the server is neither dead nor paused.
func (s *Server) Running() bool { return s.proc.Load().alive() }

// Kill ends the server as a crash does, and waits until it is gone.
func (s *Server) Kill() { s.proc.Load().kill() }

// Pause stops the server with SIGSTOP: connections stay and nothing answers.
func (s *Server) Pause() { s.setPaused(true) }

// Resume lets a paused server go on.
func (s *Server) Resume() { s.setPaused(false) }

func (s *Server) setPaused(on bool) {
	s.t.Helper()
	if err := s.proc.Load().pause(on); err != nil {
		s.t.Fatalf("redistest: pause or resume %s: %v", s.addr(), err)
	}
}

// Restart starts the server again on the same port, whether it ran or not. With
// keepData it is shut down cleanly and comes back with its data; otherwise it is
// killed and comes back empty. A server that was killed, or is paused, has no data
// to keep.
func (s *Server) Restart(keepData bool) {
	s.t.Helper()
	p := s.proc.Load()
	if keepData && p.alive() {
		must(s.t, "shut down "+s.addr(), func(ctx context.Context) error {
			err := s.client.ShutdownSave(ctx).Err() // fails by losing its connection
			select {
			case <-p.done:
				return nil
			case <-ctx.Done():
				return fmt.Errorf("%w (%w)", ctx.Err(), err)
			}
		})
	}
	p.kill()
	if !keepData {
		must(s.t, "forget the data of "+s.addr(), func(context.Context) error { return s.forget() })
	}
	if err := s.run(); err != nil {
		s.t.Fatal(err)
	}
}

// Flush removes every key of every database.
func (s *Server) Flush() {
	s.t.Helper()
	must(s.t, "flush "+s.addr(), func(ctx context.Context) error { return s.client.FlushAll(ctx).Err() })
}

// SetConfig sets an option until the end of the test.
func (s *Server) SetConfig(option, value string) {
	s.t.Helper()
	var before map[string]string
	must(s.t, "configure "+option, func(ctx context.Context) (err error) {
		if before, err = s.client.ConfigGet(ctx, option).Result(); err != nil {
			return err
		}
		return s.client.ConfigSet(ctx, option, value).Err()
	})
	s.t.Cleanup(func() {
		if s.Running() {
			must(s.t, "restore "+option, func(ctx context.Context) error {
				return s.client.ConfigSet(ctx, option, before[option]).Err()
			})
		}
	})
}

// FillForeignTTL writes n keys that live for one to two hours, as another user of
// the same Redis would. Their names begin with "foreign:".
func (s *Server) FillForeignTTL(n int) {
	s.t.Helper()
	s.FillForeign(n, time.Hour, 2*time.Hour)
}

// FillForeign is FillForeignTTL with lifetimes spread over [from, to).
func (s *Server) FillForeign(n int, from, to time.Duration) {
	s.t.Helper()
	const batch = 10_000
	spread := max(1, to-from)
	must(s.t, "fill "+s.addr(), func(ctx context.Context) error {
		for first := 0; first < n; first += batch {
			pipe := s.client.Pipeline()
			for i := first; i < min(first+batch, n); i++ {
				pipe.Set(ctx, "foreign:"+strconv.Itoa(i), i, from+rand.N(spread))
			}
			if _, err := pipe.Exec(ctx); err != nil {
				return err
			}
		}
		return nil
	})
}
