package discovery

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rollcall-go/rollcall/internal/logs"
	"github.com/rollcall-go/rollcall/registry"
)

// A Resolver keeps a live view of each service that was asked for, and picks nodes from it.
// Make it with New. Its methods may be called from many goroutines.
type Resolver struct {
	src Source
	o   options
	err error // what is wrong with the source or the options

	reporter *reporter
	disk     *disk    // nil: no snapshots
	tracks   tracking // of the balancer
	budget   budget

	ejections logs.Trouble // of all services together
	ejectedAt atomic.Int64 // when a node was out last, in Unix nanoseconds

	services atomic.Pointer[map[serviceName]*service]
	byName   atomic.Pointer[map[string]*service] // those of the source's own namespace

	knower    Knower // the source; nil: it is none
	strangers strangers

	tick atomic.Int64 // by now, a quarter of a second old at most: for what needs no better

	mu      sync.Mutex                    // of those who change services
	opening map[serviceName]chan struct{} // closed when Follow has returned
	ctx     context.Context
	cancel  context.CancelFunc
	tasks   sync.WaitGroup

	sweeping sync.Once
}

// New returns a Resolver over src. It follows the services of Preload at once, and others from
// the first call that names them. If src is nil or an option is wrong, Err and every call
// return registry.ErrInvalid.
func New(src Source, opts ...Option) *Resolver {
	r := &Resolver{src: src, o: newOptions(opts), opening: map[serviceName]chan struct{}{}}
	r.knower, _ = src.(Knower)
	if r.err = r.o.check(); isNil(src) {
		r.err = invalid("New: the source is nil")
	}
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
		_, _ = r.open(name, 1) // every call says why not
	}
	return r
}

// Err returns what is wrong with the source or the options of New, a registry.ErrInvalid
// that every other call returns too, or nil.
func (r *Resolver) Err() error {
	if r.err == nil {
		return nil
	}
	return r.failure("new", "", "", r.err)
}

// Close stops following all services and waits for the goroutines of the Resolver. If the
// disk of SnapshotDir hangs, it returns an error after 10 s. The source stays open. Calls
// return registry.ErrClosed from then on. Close does not wait for a running call of the
// Observer, so an Observer may call Close; it gets no further events.
func (r *Resolver) Close() error {
	r.mu.Lock()
	r.cancel()
	r.keep(map[serviceName]*service{})
	r.mu.Unlock()
	r.strangers.end()
	r.tasks.Wait()
	var err error
	if r.disk != nil {
		err = r.disk.close()
	}
	r.reporter.close()
	return err
}

// Resolve returns the view of a service, narrowed by the options. The first call for a
// service waits for the source until ctx ends, or for Timeout if ctx has no deadline. Later
// calls return the view in memory, without a lock or a call to Redis.
//
//	ErrNotFound     the service has never existed, or has had no node for a day
//	ErrStale        contact was lost longer than MaxStale ago
//	ErrUnavailable  nothing is known yet, because Redis did not answer
//	ErrInvalid      an option or the name is wrong
//	ErrPermission   Redis refused this user the service
//
// A service that has lost its nodes is not an error but an empty view. After a day Redis
// forgets that it existed; a Resolver that follows it goes on with the empty view. The source
// is asked again about an unknown name after a second, so a new service is found within a
// second. While calls ask for more than a hundred unknown names a second, that may take 30 s.
func (r *Resolver) Resolve(ctx context.Context, service string, opts ...PickOption) (*View, error) {
	if _, t := r.ready(service); t != nil && len(opts) == 0 && ctx != nil {
		return t.view, nil
	}
	q := ask(opts)
	_, t, err := r.table(ctx, service, &q)
	if err == nil && t.unknown() {
		err = registry.ErrNotFound
	}
	if err != nil {
		return nil, r.failure("resolve", q.namespace, service, err)
	}
	return t.set(&q).view, nil
}

// Knows says whether a service is known: whether it exists, with nodes or without. It is
// false also if the source cannot tell, such as in an outage for a service that this
// Resolver does not follow yet. Namespace is the only option that counts.
//
// Transport and the Hertz middleware ask it about the hosts of redirects.
func (r *Resolver) Knows(ctx context.Context, service string, opts ...PickOption) bool {
	q := question{namespace: ask(opts).namespace}
	_, t, err := r.table(ctx, service, &q)
	return errors.Is(err, ErrStale) || err == nil && !t.unknown()
}

// Changes yields the newest view of a service, and then a new one after each change of
// the service, until ctx ends, the loop breaks, or Close. If the loop is slow, it misses
// views in between, never the newest. Changes waits for the first view as long as that
// takes. It yields nothing if the Resolver is closed, or an option, the name or ctx is
// wrong.
//
// Options narrow the views as they do for Resolve: Namespace, Version, Label, Filter,
// Zone. The others have no effect.
func (r *Resolver) Changes(ctx context.Context, service string, opts ...PickOption) iter.Seq[*View] {
	q := ask(opts)
	return func(yield func(*View) bool) {
		var last *table
		for q.err == nil && ctx != nil && ctx.Err() == nil {
			s, err := r.open(serviceName{q.namespace, service}, 1)
			if err != nil {
				return
			}
			on := s.each(ctx, &q, &last, yield)
			if s.users.Add(-1); s.unknown() {
				r.meet(s)
			}
			if !on { // else it was let go in the moment before it was asked for
				return
			}
		}
	}
}

// each yields one view after the other, and says whether to go on with another
// service of the same name, because this one was let go.
func (s *service) each(ctx context.Context, q *question, last **table, yield func(*View) bool) bool {
	for {
		t, changed, _ := s.look()
		if t != nil && t != *last && !yield(t.set(q).view) {
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
	switch {
	case q.err != nil:
		return nil, nil, q.err
	case ctx == nil:
		return nil, nil, errNoContext
	}
	s := r.followed(serviceName{q.namespace, name})
	var t *table
	if s != nil {
		s.use()
		t = s.table.Load()
	}
	if t == nil {
		var err error
		if s, t, err = r.first(ctx, serviceName{q.namespace, name}); err != nil {
			return nil, nil, err
		}
	}
	if r.o.maxStale > 0 && t.view.Age() > r.o.maxStale {
		err := fmt.Errorf("%w: contact was lost %v ago", ErrStale, t.view.Age().Round(time.Millisecond))
		if t.view.err != nil {
			err = fmt.Errorf("%w: %w", err, bare(t.view.err))
		}
		return nil, nil, err
	}
	return s, t, nil
}

// first waits for the first view of a service.
func (r *Resolver) first(ctx context.Context, name serviceName) (*service, *table, error) {
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.o.timeout)
		defer cancel()
	}
	for {
		s, err := r.service(ctx, name)
		if err != nil {
			return nil, nil, err
		}
		s.use()
		if t, err := s.first(ctx); err != errLetGo {
			return s, t, err
		}
	}
}

// errLetGo: the service was let go while somebody waited for it.
var errLetGo = errors.New("let go")

// first waits for the first view. It does not wait where the source says that it fails:
// that is told at once.
func (s *service) first(ctx context.Context) (*table, error) {
	for {
		t, changed, err := s.look()
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
			return nil, waitedInVain(ctx, err)
		}
	}
}

// look returns the table, what is closed when that changes, and why there is none.
func (s *service) look() (*table, <-chan struct{}, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.table.Load(), s.changed, s.err
}
