package registry_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// A simulation is a Redis, and a registry on it, in the time of testing/synctest.
type simulation struct {
	t      *testing.T
	server *miniredis.Miniredis
	link   *network
	*registry.Redis

	mu     sync.Mutex
	events []timed
}

type timed struct {
	at    time.Time
	event registry.Event
}

// A link is a network that can be cut.
type network struct {
	mu    sync.Mutex
	dial  func(context.Context, string, string) (net.Conn, error)
	down  bool
	conns []net.Conn
}

func (l *network) connect(ctx context.Context, network, addr string) (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down {
		return nil, &net.OpError{Op: "dial", Net: network, Err: errors.New("the network is down")}
	}
	c, err := l.dial(ctx, network, addr)
	l.conns = append(l.conns, c)
	return c, err
}

func (l *network) set(down bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = down
	if down {
		for _, c := range l.conns {
			_ = c.Close()
		}
		l.conns = nil
	}
}

// inSimulation runs f with a registry of the default TTL, interval and time-out.
func inSimulation(t *testing.T, f func(b *simulation)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server, o := redistest.Synctest(t)
		f(join(t, server, o))
	})
}

// join makes another registry on a server.
func join(t *testing.T, server *miniredis.Miniredis, o *redis.Options, opts ...registry.Option) *simulation {
	own := *o
	b := &simulation{t: t, server: server, link: &network{dial: o.Dialer}}
	own.Dialer = b.link.connect
	client := redis.NewClient(&own)
	b.Redis = registry.NewRegistry(append([]registry.Option{
		registry.Client(client), registry.Prefix("rollcall"), registry.Observe(b.observe),
	}, opts...)...)
	t.Cleanup(func() {
		b.link.set(false)
		time.Sleep(2 * time.Second) // go-redis notices after a second that a server is back
		if err := b.Close(context.Background()); err != nil {
			t.Errorf("Close: %v", err)
		}
		if err := client.Close(); err != nil {
			t.Errorf("close the client: %v", err)
		}
	})
	return b
}

func (b *simulation) observe(e registry.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events = append(b.events, timed{time.Now(), e})
}

// take returns the events of one kind since the last call, with their times.
func take[E registry.Event](b *simulation) (events []E, at []time.Time) {
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events = slices.DeleteFunc(b.events, func(e timed) bool {
		event, ok := e.event.(E)
		if ok {
			events, at = append(events, event), append(at, e.at)
		}
		return ok
	})
	return events, at
}

// gaps returns the shortest and the longest time between two neighbours.
func gaps(at []time.Time) (shortest, longest time.Duration) {
	for i := 1; i < len(at); i++ {
		gap := at[i].Sub(at[i-1])
		if longest = max(longest, gap); shortest == 0 || gap < shortest {
			shortest = gap
		}
	}
	return shortest, longest
}
