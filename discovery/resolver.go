package discovery

import (
	"context"
	"errors"
	"iter"

	"github.com/rollcall-go/rollcall/internal/balance"
	"github.com/rollcall-go/rollcall/internal/budget"
	"github.com/rollcall-go/rollcall/internal/listed"
	"github.com/rollcall-go/rollcall/internal/views"
	"github.com/rollcall-go/rollcall/registry"
)

// A Resolver keeps a live view of each service that was asked for, and picks nodes from it.
// Make it with New. Its methods may be called from many goroutines.
type Resolver struct {
	src    Source
	o      options
	err    error // what is wrong with the source or the options: then the hub has no source
	hub    *views.Hub
	tracks balance.Tracking // of the balancer
	budget *budget.Budget
}

// New returns a Resolver over src. It follows the services of Preload at once, and others from
// the first call that names them. If src is nil or an option is wrong, Err and every call
// return registry.ErrInvalid.
func New(src Source, opts ...Option) *Resolver {
	r := &Resolver{src: src, o: newOptions(opts)}
	if r.err = r.o.check(); isNil(src) {
		r.err = invalid("New: the source is nil")
	}
	if r.err != nil {
		r.hub = views.New(views.Config{})
		return r
	}
	r.budget = budget.New(r.o.budget, balance.Now())
	c := r.o.config()
	r.tracks = c.Balance.Tracks()
	c.Source, c.Namespace = src, r.namespace
	_, c.SourceLogs = src.(onRedis)
	r.hub = views.New(c)
	return r
}

// onRedis is a Source that is a *registry.Redis, or that wraps one.
type onRedis interface {
	Knower
	Options() registry.Options
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
// disk of SnapshotDir hangs, it returns an error after 10 s. The source stays open; if you
// close it too, close it after the Resolver. Calls return registry.ErrClosed from then on.
// Close does not wait for a running call of the Observer, so an Observer may call Close; it
// gets no further events.
func (r *Resolver) Close() error {
	return r.hub.Close()
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
	if _, t := r.hub.Ready(service); t != nil && len(opts) == 0 && ctx != nil {
		return public(&t.Set), nil
	}
	q := ask(opts)
	_, t, err := r.table(ctx, service, &q)
	if err == nil && t.Unknown() {
		err = registry.ErrNotFound
	}
	if err != nil {
		return nil, r.failure("resolve", q.namespace, service, err)
	}
	return public(q.set(t)), nil
}

// Knows says whether a service is known: whether it exists, with nodes or without. It is
// false also if the source cannot tell, such as in an outage for a service that this
// Resolver does not follow yet. Namespace is the only option that counts.
//
// Transport and the Hertz middleware ask it about the hosts of redirects.
func (r *Resolver) Knows(ctx context.Context, service string, opts ...PickOption) bool {
	q := question{namespace: ask(opts).namespace}
	_, t, err := r.table(ctx, service, &q)
	return errors.Is(err, ErrStale) || err == nil && !t.Unknown()
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
		if q.err == nil && r.err == nil && ctx != nil {
			r.hub.Changes(ctx, listed.Name{Namespace: q.namespace, Service: service}, func(t *views.Table) bool {
				return yield(public(q.set(t)))
			})
		}
	}
}
