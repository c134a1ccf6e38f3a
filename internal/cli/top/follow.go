package top

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/rollcall-go/rollcall/registry"
)

// A board follows all services of a namespace. It owns the goroutines that do.
type board struct {
	r         *registry.Redis
	followers sync.WaitGroup

	mu       sync.Mutex // guards all below
	services map[string]*service
	waiting  int           // services whose first view has not come
	changed  chan struct{} // closed and made anew when waiting gets less, or a follower fails
	err      error         // why a follower has ended
	counted  time.Time     // when rows was called last
}

func newBoard(r *registry.Redis) *board {
	return &board{r: r, services: map[string]*service{}, changed: make(chan struct{})}
}

// start follows the services that there are, and, until ctx ends, those that come.
func (b *board) start(ctx context.Context) error {
	w, err := b.r.Watch(ctx)
	if err != nil {
		return err
	}
	list, err := b.r.ListServices(ctx)
	if err != nil {
		w.Stop()
		return err
	}
	for _, s := range list {
		b.follow(ctx, s.Name)
	}
	b.followers.Go(func() {
		defer w.Stop()
		for {
			result, err := w.Next()
			if err != nil {
				b.failed(err)
				return
			}
			b.follow(ctx, result.Service.Name)
		}
	})
	return nil
}

// follow follows a service, once.
func (b *board) follow(ctx context.Context, name string) {
	b.mu.Lock()
	_, already := b.services[name]
	if !already {
		b.services[name] = &service{row: row{Service: name}}
		b.waiting++
	}
	b.mu.Unlock()
	if already {
		return
	}
	f, err := b.r.Follow(name)
	if errors.Is(err, registry.ErrInvalid) { // no registry has written this name
		b.mu.Lock()
		defer b.mu.Unlock()
		b.services[name].foreign = true
		b.waiting--
		b.wake()
		return
	}
	if err != nil {
		b.failed(err)
		return
	}
	b.followers.Go(func() {
		defer f.Stop()
		for {
			v, err := f.Next(ctx)
			if errors.Is(err, registry.ErrUnavailable) && ctx.Err() == nil {
				continue // it waits by itself
			}
			if err != nil {
				b.failed(err)
				return
			}
			b.see(name, v)
		}
	})
}

// see takes the newest view of a service.
func (b *board) see(name string, v *registry.View) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.services[name]
	if s.view == nil {
		b.waiting--
		b.wake()
	}
	s.view = v
}

func (b *board) failed(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil {
		b.err = err
	}
	b.wake()
}

// wake is called with the mutex held.
func (b *board) wake() {
	close(b.changed)
	b.changed = make(chan struct{})
}

// ready waits until each service has a view, and returns why that cannot be.
func (b *board) ready(ctx context.Context) error {
	for {
		b.mu.Lock()
		waiting, err, changed := b.waiting, b.err, b.changed
		b.mu.Unlock()
		if err != nil || waiting == 0 {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// rows counts all services, with rates since the last call.
func (b *board) rows(now time.Time, by func(a, b row) int) ([]row, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var elapsed time.Duration
	if !b.counted.IsZero() {
		elapsed = now.Sub(b.counted)
	}
	b.counted = now
	rows := make([]row, 0, len(b.services))
	for _, s := range b.services {
		s.count(elapsed)
		rows = append(rows, s.row)
	}
	sortRows(rows, by)
	return rows, b.err
}
