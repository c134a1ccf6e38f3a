package registry

import (
	"context"
	"time"

	"github.com/rollcall-go/rollcall/internal/actor"
)

// actors are the goroutines of one registry. The first Register starts those of
// the registrar, the first Watch the hub's; Close ends all.
//
//	renewer     renews leases, registers again what was lost, delivers goodbyes
//	reaper     removes nodes of the same services whose leases ran out
//	cataloguer keeps the lists of services and namespaces fresh
//	hub        feeds the watches
//	hints      listens to keyspace events, for the reaper and the hub
//
// Checks run in goroutines of the renewer's, and trips to Redis in the hub's. Log
// lines, events and OnStates go to the reporters.
type actors struct {
	ctx    context.Context
	cancel context.CancelFunc
	done   actor.Group
	hub    *hub // nil before the first Watch
}

// acting returns the actors, or why there can be none. Redis.mu is held.
func (r *Redis) acting(c *conn) (*actors, error) {
	if r.closed {
		return nil, ErrClosed
	}
	if r.actors == nil {
		ctx, cancel := context.WithCancel(context.Background())
		r.actors = &actors{
			ctx:    ctx,
			cancel: cancel,
		}
		hints := &hints{r: r, c: c, subs: map[string]*hintSub{}, askAt: map[string]time.Time{}}
		r.actors.done.Go(func() { hints.listen(ctx) })
	}
	return r.actors, nil
}

// hinting starts what listens to keyspace events, for the registrar.
func (r *Redis) hinting(c *conn) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, err := r.acting(c)
	return err
}

// watching returns the hub, started at the first call.
func (r *Redis) watching(c *conn) (*hub, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a, err := r.acting(c)
	if err != nil {
		return nil, err
	}
	if a.hub == nil {
		a.hub = newHub(a.ctx, c, &a.done)
	}
	return a.hub, nil
}
