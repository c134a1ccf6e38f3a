package redistest

import (
	"context"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/rollcall-go/rollcall/registry/embedded"
)

// shared holds the servers that the tests of this process share.
var shared struct {
	mu         sync.Mutex
	embedded   *embedded.Server
	standalone *Server
	sentinel   *Sentinel
	cluster    *Cluster
	cleanups   []func()
}

// longLived is a test whose cleanups run when Main ends.
type longLived struct{ testing.TB }

func (longLived) Cleanup(f func()) { shared.cleanups = append(shared.cleanups, f) }

// Main is a TestMain: it runs the tests, stops the shared servers, and fails if
// goroutines are left.
//
//	func TestMain(m *testing.M) { redistest.Main(m) }
func Main(m *testing.M, opts ...goleak.Option) {
	// After many failed dials go-redis's pool probes once a second, and notices
	// that it was closed only after the next second.
	opts = append(opts, goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial"))
	redis.SetLogger(silent{}) // a line for each failed dial would bury what failed
	goleak.VerifyTestMain(run{m}, opts...)
}

type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

type run struct{ m *testing.M }

func (r run) Run() int {
	defer func() {
		for i := len(shared.cleanups) - 1; i >= 0; i-- {
			shared.cleanups[i]()
		}
	}()
	return r.m.Run()
}

// SharedEmbedded returns the package's embedded server, flushed at the end of
// the test.
func SharedEmbedded(t testing.TB) *embedded.Server {
	t.Helper()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.embedded == nil {
		s, err := embedded.Start()
		if err != nil {
			t.Fatal(err)
		}
		longLived{t}.Cleanup(func() { _ = s.Close() })
		shared.embedded = s
	}
	tp := embeddedTopology(shared.embedded.Addr())
	t.Cleanup(func() { tp.Flush(t) })
	return shared.embedded
}

// SharedStandalone returns the package's standalone server, flushed at the end
// of the test. A test that kills it must restart it.
func SharedStandalone(t testing.TB) *Server {
	t.Helper()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.standalone == nil {
		shared.standalone = Start(longLived{t})
	}
	s := &Server{t: t, instance: shared.standalone.instance}
	t.Cleanup(s.Flush)
	return s
}

// SharedSentinel returns the package's Sentinel, healthy, and flushed at the end
// of the test. A test that kills one of its servers must restart it.
func SharedSentinel(t testing.TB) *Sentinel {
	t.Helper()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.sentinel == nil {
		shared.sentinel = StartSentinel(longLived{t})
	}
	s := shared.sentinel.forTest(t)
	s.WaitHealthy()
	t.Cleanup(func() { s.Master().Flush() })
	return s
}

// SharedCluster returns the package's cluster, healthy, and flushed at the end of
// the test. A test that kills one of its servers must restart it.
func SharedCluster(t testing.TB) *Cluster {
	t.Helper()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.cluster == nil {
		shared.cluster = StartCluster(longLived{t})
	}
	c := shared.cluster.forTest(t)
	c.WaitHealthy()
	t.Cleanup(c.Flush)
	return c
}
