package discovery

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rollcall-go/rollcall/registry"
)

// A Resolver holds a live view of each service that was asked for, and picks nodes
// from it. Make it with New. Its methods may be called from many goroutines.
type Resolver struct {
	src Source
	o   options
	err error // what is wrong with the options

	reporter *reporter
	disk     *disk    // nil: no snapshots
	tracks   tracking // of the balancer
	budget   budget

	services atomic.Pointer[map[serviceName]*service]
	byName   atomic.Pointer[map[string]*service] // those of the source's own namespace

	mu     sync.Mutex // of those who change services
	ctx    context.Context
	cancel context.CancelFunc
	tasks  sync.WaitGroup

	sweeping sync.Once
}

// New makes a Resolver over src. It starts nothing but what Preload asks for;
// services are followed from the first call that names them.
func New(src Source, opts ...Option) *Resolver {
	r := &Resolver{src: src, o: newOptions(opts)}
	r.err = r.o.check()
	r.reporter = newReporter(&r.o)
	r.budget.fill(r.o.budget, now())
	r.keep(map[serviceName]*service{})
	r.ctx, r.cancel = context.WithCancel(context.Background())
	if r.err != nil {
		return r
	}
	r.tracks = r.o.balancer.tracks()
	if r.o.snapshotDir != "" {
		r.disk = newDisk(r.o.snapshotDir, r.reporter)
		r.disk.tasks.Go(func() { r.disk.run(r.ctx, &r.services) })
	}
	for _, name := range r.o.preload {
		if s, err := r.open(serviceName{name: name}); err == nil { // else every call says why
			s.users.Add(1)
		}
	}
	return r
}

// Close lets all services go, and waits for every goroutine of the resolver; if the
// disk of SnapshotDir hangs, for 10 s, and fails then. It leaves the source open.
// Calls return registry.ErrClosed from then on. A call of Observe that is under way is
// not waited for, so Observe may call Close; there is no further one.
func (r *Resolver) Close() error {
	r.mu.Lock()
	r.cancel()
	r.keep(map[serviceName]*service{})
	r.mu.Unlock()
	r.tasks.Wait()
	var err error
	if r.disk != nil {
		err = r.disk.close()
	}
	r.reporter.close()
	return err
}

// Resolve returns the view of a service, narrowed by the options. The first call for
// a service waits until the source has told of it, as long as ctx allows, or Timeout
// where ctx has no deadline. Later ones take what stands, without a lock or a trip.
//
//	ErrNotFound     the service has never existed, or has had no node for a day
//	ErrStale        contact was lost longer than MaxStale ago
//	ErrUnavailable  nothing is known yet, because Redis did not answer
//	ErrInvalid      an option or the name is wrong
//	ErrPermission   Redis refused the service to this user
//
// A service that has lost its nodes is no error, for a day: then Redis forgets that it
// existed. A resolver that has seen it goes on with the empty view.
func (r *Resolver) Resolve(ctx context.Context, service string, opts ...PickOption) (*View, error) {
	if _, t := r.ready(service); t != nil && len(opts) == 0 {
		return t.view, nil
	}
	q := ask(opts)
	_, t, err := r.table(ctx, service, &q)
	if err == nil && t.unknown() {
		err = registry.ErrNotFound
	}
	if err != nil {
		return nil, failure("resolve", q.namespace, service, err)
	}
	return t.set(&q).view, nil
}

// Changes yields the view of a service as it stands, and every later one, until ctx
// ends, the loop breaks, or Close. Views that come while the loop is busy are passed
// over, but for the last. It waits for the first view however long that takes.
func (r *Resolver) Changes(ctx context.Context, service string) iter.Seq[*View] {
	return func(yield func(*View) bool) {
		var last *table
		for ctx.Err() == nil {
			s, err := r.service(serviceName{name: service})
			if err != nil {
				return
			}
			s.users.Add(1)
			on := s.each(ctx, &last, yield)
			s.users.Add(-1)
			if !on { // else it was let go in the moment before it was asked for
				return
			}
		}
	}
}

// each yields one view after the other, and says whether to go on with another
// service of the same name, because this one was let go.
func (s *service) each(ctx context.Context, last **table, yield func(*View) bool) bool {
	for {
		t, changed, _ := s.look()
		if t != nil && t != *last && !yield(t.view) {
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

// ready is the short way to the table of a service: nil where there is more to
// look at.
func (r *Resolver) ready(name string) (*service, *table) {
	s := (*r.byName.Load())[name]
	if s == nil {
		return nil, nil
	}
	s.use()
	t := s.table.Load()
	if t == nil || len(t.every.members) == 0 || r.o.maxStale > 0 && !t.view.Live() {
		return nil, nil
	}
	return s, t
}

// use keeps the service from being let go for a while. It writes only where that
// changes something: many callers share the line.
func (s *service) use() {
	if !s.used.Load() {
		s.used.Store(true)
	}
}

// table returns what a question is answered by.
func (r *Resolver) table(ctx context.Context, name string, q *question) (*service, *table, error) {
	if q.err != nil {
		return nil, nil, q.err
	}
	s, err := r.service(serviceName{q.namespace, name})
	if err != nil {
		return nil, nil, err
	}
	s.use()
	t := s.table.Load()
	if t == nil {
		if t, err = s.first(ctx, r.o.timeout); err != nil {
			return nil, nil, err
		}
	}
	if r.o.maxStale > 0 && t.view.Age() > r.o.maxStale {
		return nil, nil, errors.Join(fmt.Errorf("%w: for %v", ErrStale, t.view.Age().Round(time.Millisecond)), t.view.err)
	}
	return s, t, nil
}

// first waits for the first view of a service.
func (s *service) first(ctx context.Context, timeout time.Duration) (*table, error) {
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	for {
		t, changed, err := s.look()
		switch {
		case t != nil:
			return t, nil
		case err != nil && !errors.Is(err, context.DeadlineExceeded):
			return nil, err
		}
		select {
		case <-changed:
		case <-s.ctx.Done():
			return nil, registry.ErrClosed
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return nil, ctx.Err()
			}
			if _, _, err = s.look(); err == nil {
				err = ctx.Err()
			}
			return nil, fmt.Errorf("%w: nothing is known of the service yet: %w", registry.ErrUnavailable, err)
		}
	}
}

// look returns the table, what is closed when that changes, and why there is none.
func (s *service) look() (*table, <-chan struct{}, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.table.Load(), s.changed, s.err
}

// service returns the service of a name, followed from now on if it was not.
func (r *Resolver) service(name serviceName) (*service, error) {
	s := (*r.byName.Load())[name.name]
	if name.namespace != "" {
		s = (*r.services.Load())[name]
	}
	if s != nil {
		return s, nil
	}
	return r.open(name)
}

func (r *Resolver) open(name serviceName) (*service, error) {
	if r.err != nil {
		return nil, r.err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := (*r.services.Load())[name]; s != nil {
		return s, nil
	}
	if r.ctx.Err() != nil {
		return nil, registry.ErrClosed
	}
	f, err := r.src.Follow(name.namespace, name.name)
	if err != nil {
		return nil, err
	}
	s := newService(r.ctx, &r.o, r.reporter, name, f)
	s.disk = r.disk
	s.used.Store(true)
	r.tasks.Go(s.follow)
	services := maps.Clone(*r.services.Load())
	services[name] = s
	r.keep(services)
	r.sweeping.Do(func() { r.tasks.Go(r.sweep) })
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

// sweep lets go of services that nobody has asked for.
func (r *Resolver) sweep() {
	tick := time.NewTicker(max(r.o.idleTimeout/2, 1))
	defer tick.Stop()
	idle := map[*service]bool{} // for one tick
	for {
		select {
		case <-r.ctx.Done():
			return
		case <-tick.C:
		}
		r.mu.Lock()
		kept, seen := maps.Clone(*r.services.Load()), map[*service]bool{}
		for name, s := range kept {
			switch {
			case s.used.Swap(false) || s.users.Load() > 0:
			case idle[s]:
				delete(kept, name)
				s.cancel()
			default:
				seen[s] = true
			}
		}
		idle = seen
		if r.ctx.Err() == nil {
			r.keep(kept)
		}
		r.mu.Unlock()
	}
}
