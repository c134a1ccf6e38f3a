package hertzadapter

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/rollcall-go/rollcall/registry"
)

// A fake is a registry that writes down what it is asked for. Methods that it
// does not have panic.
type fake struct {
	registry.Registry
	register   func(context.Context, *registry.Service) error // nil: succeeds
	deregister func(context.Context, *registry.Service) error // nil: succeeds

	mu       sync.Mutex
	calls    []string
	services []*registry.Service
}

func (f *fake) note(op string, s *registry.Service) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, n := range s.Nodes {
		f.calls = append(f.calls, fmt.Sprintf("%s %s %s %s", op, s.Name, n.Address, n.Status))
	}
	f.services = append(f.services, s)
}

func (f *fake) log() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

func (f *fake) Register(ctx context.Context, s *registry.Service, _ ...registry.RegisterOption) error {
	f.note("register", s)
	if f.register == nil {
		return nil
	}
	return f.register(ctx, s)
}

func (f *fake) Deregister(ctx context.Context, s *registry.Service, _ ...registry.DeregisterOption) error {
	f.note("deregister", s)
	if f.deregister == nil {
		return nil
	}
	return f.deregister(ctx, s)
}

// hang waits for the end of the context, as a call to a Redis that hangs does.
func hang(ctx context.Context, _ *registry.Service) error {
	<-ctx.Done()
	return fmt.Errorf("%w: %w", registry.ErrUnavailable, context.Cause(ctx))
}
