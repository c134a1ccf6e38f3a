package hertzadapter

import (
	"context"
	"sync"

	"github.com/rollcall-go/rollcall/registry"
)

// A holder hands one registry to its users. It opens the registry for the first
// of them and closes it after the last, and may do so many times.
type holder struct {
	open func() (registry.Registry, closer)

	mu    sync.Mutex
	users int
	r     registry.Registry
	close closer
}

// A closer ends what a registry holds. It waits no longer than its context.
type closer func(context.Context) error

// shared holds a registry that the caller owns.
func shared(r registry.Registry) *holder {
	keep := func(context.Context) error { return nil }
	return &holder{open: func() (registry.Registry, closer) { return r, keep }}
}

// take must be followed by release.
func (h *holder) take() registry.Registry {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.users == 0 {
		h.r, h.close = h.open()
	}
	h.users++
	return h.r
}

func (h *holder) release(ctx context.Context) error {
	h.mu.Lock()
	h.users--
	last, end := h.users == 0, h.close
	h.mu.Unlock()
	if !last {
		return nil
	}
	return end(ctx)
}
