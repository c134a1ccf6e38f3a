package registry_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// patience is how long a test waits for what must come, on the slowest machine.
const patience = 30 * time.Second

// open returns a registry on tp that shares its keys with the other registries of
// this test only. Leases are long, so that no hiccup ends them, and renewals
// frequent, so that what they bring comes soon. It is closed at the end of the
// test; Close returns once every goroutine of the registry has ended.
func open(t *testing.T, tp redistest.Topology, opts ...registry.Option) *registry.Redis {
	t.Helper()
	log := &logBuffer{}
	r := registry.NewRegistry(append([]registry.Option{
		registry.Addrs(tp.Addrs...), registry.MasterName(tp.MasterName), registry.Cluster(tp.Cluster),
		registry.Prefix(prefix(t)), registry.Timeout(patience),
		registry.TTL(10 * time.Second), registry.Interval(500 * time.Millisecond),
		registry.Logger(zerolog.New(log)),
	}, opts...)...)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := r.Close(ctx); err != nil {
			t.Errorf("Close: %v", err)
		}
		if t.Failed() {
			t.Logf("end of the log of %s:\n%s", r, log.tail(50))
		}
	})
	return r
}

// renewRarely renews no sooner than the lease needs it, for tests that wait for no
// renewal.
var renewRarely = registry.Interval(3 * time.Second)

// prefix is the key prefix of this test.
func prefix(t *testing.T) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9', r >= 'A' && r <= 'Z', r >= 'a' && r <= 'z', r == '_', r == '-':
			return r
		default:
			return '.'
		}
	}, t.Name())
}

// space names this test's keys.
func space(t *testing.T) keys.Space {
	t.Helper()
	s, err := keys.New(prefix(t))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// service builds a service with these nodes.
func service(name string, nodes ...*registry.Node) *registry.Service {
	return &registry.Service{Name: name, Nodes: nodes}
}

// node builds a node with this id.
func node(id string) *registry.Node {
	return &registry.Node{ID: id, Address: "10.0.0.1:80"}
}

// register is a Register that must succeed.
func register(t *testing.T, r *registry.Redis, s *registry.Service, opts ...registry.RegisterOption) {
	t.Helper()
	if err := r.Register(t.Context(), s, opts...); err != nil {
		t.Fatal(err)
	}
}

// deregister is a Deregister that must succeed.
func deregister(t *testing.T, r *registry.Redis, s *registry.Service, opts ...registry.DeregisterOption) {
	t.Helper()
	if err := r.Deregister(t.Context(), s, opts...); err != nil {
		t.Fatal(err)
	}
}

// eventually polls check until it returns nil, and fails with its last error.
func eventually(t *testing.T, within time.Duration, check func() error) {
	t.Helper()
	deadline := time.After(within)
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("not within %v: %v", within, err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// states collects what OnState reports of one Register.
type states struct{ reports chan report }

type report struct {
	state registry.State
	err   error
}

func newStates() *states { return &states{make(chan report, 1000)} }

// option hands every report to s.
func (s *states) option() registry.RegisterOption {
	return registry.OnState(func(st registry.State, err error) { s.reports <- report{st, err} })
}

// next waits for the next report, which must be of this state, and returns its
// cause.
func (s *states) next(t *testing.T, want registry.State) error {
	t.Helper()
	select {
	case got := <-s.reports:
		if got.state != want {
			t.Fatalf("state %v (%v), want %v", got.state, got.err, want)
		}
		return got.err
	case <-time.After(patience):
		t.Fatalf("not %v within %v", want, patience)
		return nil
	}
}

// returned checks that nothing has been reported but losses by Redis itself, each
// followed by the return of the nodes. Several registrations may report.
func (s *states) returned(t *testing.T) {
	t.Helper()
	for away := 0; away > 0 || len(s.reports) > 0; {
		select {
		case got := <-s.reports:
			switch {
			case got.state == registry.Live && away > 0:
				away--
			case got.state == registry.Lost && strings.Contains(got.err.Error(), "redis has lost the node"):
				away++
			default:
				t.Fatalf("unexpected state %v (%v)", got.state, got.err)
			}
		case <-time.After(patience):
			t.Fatalf("%d registrations are lost, and do not return within %v", away, patience)
		}
	}
}

// none checks that nothing has been reported.
func (s *states) none(t *testing.T) {
	t.Helper()
	select {
	case got := <-s.reports:
		t.Fatalf("unexpected state %v (%v)", got.state, got.err)
	default:
	}
}

// A logBuffer is a log that may be read while it is written.
type logBuffer struct{ redistest.Buffer }

// tail returns the last lines.
func (l *logBuffer) tail(lines int) string {
	all := strings.SplitAfter(l.String(), "\n")
	return strings.Join(all[max(0, len(all)-lines-1):], "")
}
