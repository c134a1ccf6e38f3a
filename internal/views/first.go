package views

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rollcall-go/rollcall/internal/listed"
)

// Ready returns a service of the source's own namespace and its table, if a pick needs to
// look at nothing else; else nil.
func (h *Hub) Ready(service string) (*Service, *Table) {
	s := h.names.own(service)
	if s == nil {
		return nil, nil
	}
	s.use()
	t := s.table.Load()
	if t == nil || len(t.Members) == 0 || h.c.MaxStale > 0 && !t.View.Live() {
		return nil, nil
	}
	return s, t
}

// Table returns a service and its table. The first call for a service waits for its view
// until ctx ends, or for Timeout if ctx has no deadline.
func (h *Hub) Table(ctx context.Context, name listed.Name) (*Service, *Table, error) {
	if ctx == nil {
		return nil, nil, ErrNoContext
	}
	s := h.names.get(name)
	var t *Table
	if s != nil {
		s.use()
		t = s.table.Load()
	}
	if t == nil {
		var err error
		if s, t, err = h.first(ctx, name); err != nil {
			return nil, nil, err
		}
	}
	if h.c.MaxStale > 0 && t.View.Age() > h.c.MaxStale {
		err := fmt.Errorf("%w: contact was lost %v ago", ErrStale, t.View.Age().Round(time.Millisecond))
		if t.View.Err != nil {
			err = fmt.Errorf("%w: %w", err, Bare(t.View.Err))
		}
		return nil, nil, err
	}
	return s, t, nil
}

// Changes yields the newest table of a service, and then a new one after each change, until
// ctx ends, yield returns false, or Close.
func (h *Hub) Changes(ctx context.Context, name listed.Name, yield func(*Table) bool) {
	var last *Table
	for ctx.Err() == nil {
		s, err := h.open(name, 1)
		if err != nil {
			return
		}
		on := s.changes(ctx, &last, yield)
		if s.users.Add(-1); s.unknown() {
			h.meet(s)
		}
		if !on { // else it was let go in the moment before it was opened
			return
		}
	}
}

// changes yields one table after the other. It is true if the service was let go: another
// one of the same name goes on.
func (s *Service) changes(ctx context.Context, last **Table, yield func(*Table) bool) bool {
	for {
		t, changed, _ := s.current()
		if t != nil && t != *last && !yield(t) {
			return false
		}
		*last = t
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		case <-s.ctx.Done():
			return true
		}
	}
}

// use keeps the service from being let go for a while. It writes only if that changes
// something: many callers share the line.
func (s *Service) use() {
	if !s.used.Load() {
		s.used.Store(true)
	}
}

// first waits for the first view of a service.
func (h *Hub) first(ctx context.Context, name listed.Name) (*Service, *Table, error) {
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, h.c.Timeout)
		defer cancel()
	}
	for {
		s, err := h.service(ctx, name)
		if err != nil {
			if ctx.Err() != nil && err == ctx.Err() { // another caller asks the source
				err = unanswered(ctx, nil)
			}
			return nil, nil, err
		}
		s.use()
		if t, err := s.first(ctx); err != errLetGo {
			return s, t, err
		}
	}
}

// errLetGo: the service was let go while a caller waited for it.
var errLetGo = errors.New("let go")

// first waits for the first view. If the source says that it fails, it returns at once.
func (s *Service) first(ctx context.Context) (*Table, error) {
	for {
		t, changed, err := s.current()
		switch {
		case t != nil:
			return t, nil
		case err != nil && err != context.DeadlineExceeded:
			return nil, err
		}
		select {
		case <-changed:
		case <-s.ctx.Done():
			return nil, errLetGo
		case <-ctx.Done():
			return nil, unanswered(ctx, err)
		}
	}
}

// current returns the table, what is closed when that changes, and why there is none.
func (s *Service) current() (*Table, <-chan struct{}, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.table.Load(), s.changed, s.err
}
