package discovery

import (
	"context"
	"maps"
	"time"

	"github.com/rollcall-go/rollcall/registry"
)

// followed returns the service of a name; nil: it is not followed.
func (r *Resolver) followed(name serviceName) *service {
	if name.namespace == "" {
		return (*r.byName.Load())[name.name]
	}
	return (*r.services.Load())[name]
}

// service returns the service of a name, followed from now on if it was not, and if
// the source knows it.
func (r *Resolver) service(ctx context.Context, name serviceName) (*service, error) {
	if s := r.followed(name); s != nil {
		return s, nil
	}
	if r.ctx.Err() == nil && r.err == nil && !r.disk.has(ctx, name) { // else open tells
		var ask func(context.Context) error
		if r.knower != nil {
			ask = func(ctx context.Context) error {
				known, err := r.knower.Knows(ctx, name.name, registry.FollowNamespace(name.namespace))
				if err == nil && !known {
					err = registry.ErrNotFound
				}
				return err
			}
		}
		if err := r.strangers.check(ctx, name, ask); err != nil {
			return nil, err
		}
	}
	return r.open(name, 0)
}

// open returns the service of a name, followed from now on if it was not, with so many
// more users, which keep it from being let go.
func (r *Resolver) open(name serviceName, users int64) (*service, error) {
	if r.err != nil {
		return nil, r.err
	}
	for {
		r.mu.Lock()
		s, opening := (*r.services.Load())[name], r.opening[name]
		if r.ctx.Err() != nil {
			r.mu.Unlock()
			return nil, registry.ErrClosed
		}
		if s == nil && opening == nil {
			break
		}
		if s != nil {
			s.users.Add(users)
		}
		r.mu.Unlock()
		if s != nil {
			return s, nil
		}
		<-opening
	}
	done := make(chan struct{})
	r.opening[name] = done
	r.mu.Unlock()
	f, err := r.src.Follow(name.name, registry.FollowNamespace(name.namespace))
	if err == nil && f == nil {
		err = invalid("Follow of the source: nil")
	}

	r.mu.Lock()
	delete(r.opening, name)
	close(done)
	if r.ctx.Err() != nil {
		r.mu.Unlock()
		if err == nil {
			f.Stop()
		}
		return nil, registry.ErrClosed
	}
	defer r.mu.Unlock()
	if err != nil {
		return nil, err
	}
	s := newService(r, name, f)
	s.users.Add(users)
	s.used.Store(true)
	r.tasks.Go(s.follow)
	services := maps.Clone(*r.services.Load())
	services[name] = s
	r.keep(services)
	r.sweeping.Do(func() {
		r.tick.Store(int64(now()))
		r.tasks.Go(r.sweep)
	})
	return s, nil
}

// keep makes these the services that are followed.
func (r *Resolver) keep(services map[serviceName]*service) {
	byName := map[string]*service{}
	for name, s := range services {
		if name.namespace == "" {
			byName[name.name] = s
		}
	}
	r.services.Store(&services)
	r.byName.Store(&byName)
}

// maxUnknown is how many names that are no services are followed at most, and unknownFor
// is for how long: if they come to exist, that is known at once.
const (
	maxUnknown = 100
	unknownFor = 2 * generation
)

// meet takes a service that is followed and does not exist. Where there are many such
// ones, or the source can be asked, it is let go and remembered.
func (r *Resolver) meet(s *service) {
	r.mu.Lock()
	unknown := 0
	for _, s := range *r.services.Load() {
		if s.unknown() {
			unknown++
		}
	}
	let := r.knower != nil || unknown > maxUnknown
	if let && r.ctx.Err() == nil {
		r.letGo(s)
	}
	r.mu.Unlock()
	if let {
		r.strangers.note(s.name)
	}
}

// letGo ends the following of services. mu is held.
func (r *Resolver) letGo(idle ...*service) {
	if len(idle) == 0 {
		return
	}
	services := maps.Clone(*r.services.Load())
	for _, s := range idle {
		if services[s.name] == s {
			delete(services, s.name)
		}
		s.cancel()
	}
	r.keep(services)
}

// sweep lets go of services that nobody has asked for, keeps tick, and sees which views
// are stale.
func (r *Resolver) sweep() {
	tick := time.NewTicker(max(min(r.o.idleTimeout, unknownFor)/2, 1))
	defer tick.Stop()
	clock := time.NewTicker(time.Second / 4)
	defer clock.Stop()
	stale := newStaleness(r)
	for {
		select {
		case <-r.ctx.Done():
			return
		case <-clock.C:
			r.tick.Store(int64(now()))
			stale.look(*r.services.Load(), time.Now())
			continue
		case <-tick.C:
		}
		r.mu.Lock()
		at, idle := time.Now(), []*service(nil)
		for _, s := range *r.services.Load() {
			limit := r.o.idleTimeout
			if t := s.table.Load(); t == nil || t.unknown() {
				limit = min(limit, unknownFor)
			}
			switch {
			case s.used.Swap(false) || s.users.Load() > 0:
				s.idle = at
			case at.Sub(s.idle) >= limit:
				idle = append(idle, s)
			}
		}
		if r.ctx.Err() == nil {
			r.letGo(idle...)
		}
		r.mu.Unlock()
	}
}
