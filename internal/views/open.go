package views

import (
	"context"

	"github.com/rollcall-go/rollcall/internal/balance"
	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/internal/listed"
	"github.com/rollcall-go/rollcall/internal/unknown"
	"github.com/rollcall-go/rollcall/registry"
)

// service returns the service of a name, followed from now on if it was not, and if
// the source knows it.
func (h *Hub) service(ctx context.Context, name listed.Name) (*Service, error) {
	if s := h.names.get(name); s != nil {
		return s, nil
	}
	if h.ctx.Err() == nil && (h.folder == nil || !h.folder.Has(ctx, name)) { // else open returns why
		var ask func(context.Context) error
		if h.knower != nil {
			ask = func(ctx context.Context) error {
				known, err := h.knower.Knows(ctx, name.Service, registry.FollowNamespace(name.Namespace))
				if err == nil && !known {
					err = registry.ErrNotFound
				}
				return err
			}
		}
		if err := h.unknown.Check(ctx, name, ask); err != nil {
			return nil, err
		}
	}
	return h.open(name, 0)
}

// open returns the service of a name, followed from now on if it was not, with so many
// more users, which keep it from being let go.
func (h *Hub) open(name listed.Name, users int64) (*Service, error) {
	for {
		h.mu.Lock()
		s, opening := h.names.get(name), h.opening[name]
		if h.ctx.Err() != nil {
			h.mu.Unlock()
			return nil, registry.ErrClosed
		}
		if s == nil && opening == nil {
			break
		}
		if s != nil {
			s.users.Add(users)
		}
		h.mu.Unlock()
		if s != nil {
			return s, nil
		}
		<-opening
	}
	done := make(chan struct{})
	h.opening[name] = done
	h.mu.Unlock()
	f, err := h.c.Source.Follow(name.Service, registry.FollowNamespace(name.Namespace))
	if err == nil && f == nil {
		err = errdefs.Invalid("Follow of the source", "nil")
	}

	h.mu.Lock()
	delete(h.opening, name)
	close(done)
	if h.ctx.Err() != nil {
		h.mu.Unlock()
		if err == nil {
			f.Stop()
		}
		return nil, registry.ErrClosed
	}
	defer h.mu.Unlock()
	if err != nil {
		return nil, err
	}
	s := newService(h, name, f)
	s.users.Add(users)
	s.used.Store(true)
	if h.counting.Load() {
		s.begun.Count()
	}
	h.tasks.Go(s.follow)
	h.names.add(s)
	h.sweeping.Do(func() {
		h.tick.Store(int64(balance.Now()))
		h.tasks.Go(h.sweep)
	})
	return s, nil
}

// maxUnknown is how many unknown names are followed at most, and unknownFor is for how long:
// if they come to exist, that is known at once.
const (
	maxUnknown = 100
	unknownFor = 2 * unknown.Generation
)

// meet takes a service that is followed and does not exist. If there are many of these, or
// the source can be asked, it is let go and remembered.
func (h *Hub) meet(s *Service) {
	h.mu.Lock()
	let := h.knower != nil || h.manyUnknown()
	if let && h.ctx.Err() == nil {
		h.letGo(s)
	}
	h.mu.Unlock()
	if let {
		h.unknown.Add(s.name)
	}
}

// manyUnknown says whether over maxUnknown services are followed that do not exist.
func (h *Hub) manyUnknown() bool {
	n := 0
	for s := range h.names.all() {
		if s.unknown() {
			n++
		}
	}
	return n > maxUnknown
}

// letGo ends the following of services. mu is held.
func (h *Hub) letGo(idle ...*Service) {
	h.names.remove(idle...)
	for _, s := range idle {
		s.cancel()
	}
}
