package registry

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/rollcall-go/rollcall/internal/actor"
	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/internal/informer"
	"github.com/rollcall-go/rollcall/internal/redisconn"
	"github.com/rollcall-go/rollcall/internal/replica"
)

// A View shows the live nodes of a service, and whether the registry is in contact with
// Redis. All followers of the service share it: do not change it.
type View struct {
	// Services has one *Service for each version that has a node, ordered by version.
	// Nodes are ordered by ID. APIs is nil: GetService reads it.
	Services []*Service

	// Revision and History identify the state that the view shows, as in a Result.
	// History is "" for a service that has never existed.
	Revision uint64
	History  string

	// Lapsed are nodes that left without Deregister and are not registered again: their
	// leases ended, or Redis lost them and they did not register again in time. It covers
	// at least the last TTL.
	Lapsed []Lapse

	// Held are the IDs of nodes in Services that are missing in Redis, and shown anyway.
	// After a flush or a failover, a lost node is held until it registers again, for one
	// TTL at most. While Redis refuses to renew leases, nodes publish that they are
	// alive: each is held for one TTL after its last such message.
	Held []string

	// RefusedSince is when Redis began to refuse the renewal of leases while it still
	// serves reads: the earliest time that the registries of nodes in Held report, by the
	// clock of this process. It is zero while leases are renewed.
	RefusedSince time.Time

	// Refused says why leases are not renewed: ErrUnavailable or ErrPermission, with
	// the reply of Redis to one of these registries. It is nil if RefusedSince is zero.
	Refused error

	// StaleSince is when contact with Redis was lost, by the clock of this process. It
	// is zero while the view is live.
	StaleSince time.Time

	// Err says why the view is stale. It is nil while the view is live.
	Err error
}

// A Lapse is a node that left without Deregister.
type Lapse struct {
	Service *Service  // has exactly one node, as last known
	Time    time.Time // when it was noticed, by the clock of this process
}

// A Follower returns the views of one service.
type Follower interface {
	// Next returns the newest view. The first call waits until Redis has answered; each
	// later call blocks until the view has changed. A slow caller misses views in
	// between, never the newest one. Call it from one goroutine at a time.
	//
	//	ErrWatcherStopped  after Stop
	//	ErrClosed          after Close of the registry
	//	ErrPermission      Redis refused the user or the subscription
	//	ErrInvalid         an option does not suit the server
	//	ErrUnavailable     ctx ended before Redis answered for the first time
	//
	// After ErrPermission, ErrInvalid or ErrUnavailable, Next may be called again: it waits
	// until the cause has changed. If ctx ends after the first view, it returns the error of ctx.
	Next(ctx context.Context) (*View, error)

	// Stop ends the Follower and unblocks Next. It may be called many times.
	Stop()
}

// A follower is the Follower of one call of Follow.
type follower struct {
	informer *informer.Informer
	attached *informer.Attachment
	health   replica.Health // when Next was called last
	changed  actor.Wake     // there is a view that Next has not returned
	stopped  chan struct{}
	stop     sync.Once
}

// Follow returns a Follower of one service, which need not exist yet. It does not wait
// for Redis: Next does. All followers and watchers of one service share one local copy of
// it.
//
//	ErrInvalid  the name, the namespace or an option of the registry is wrong
//	ErrClosed   the registry is closed
func (r *Redis) Follow(service string, opts ...FollowOption) (Follower, error) {
	namespace := apply(opts).Namespace
	c, err := r.connection()
	if err != nil {
		return nil, failure("follow", namespace, service, err)
	}
	k := c.Space.Service(cmp.Or(namespace, c.o.Namespace), service)
	err = cmp.Or(checkNamespace("Namespace", k.Namespace()), checkName("Name", service))
	if err != nil {
		return nil, failure("follow", k.Namespace(), service, err)
	}
	f := &follower{informer: c.informer, changed: actor.NewWake(), stopped: make(chan struct{})}
	if f.attached, err = c.informer.Attach(k, f); err != nil {
		return nil, failure("follow", k.Namespace(), service, err)
	}
	return f, nil
}

func (f *follower) Next(ctx context.Context) (*View, error) {
	if ctx == nil {
		return nil, errNoContext
	}
	for {
		changed := false
		select {
		case <-f.stopped:
		case <-f.informer.Done():
		case <-ctx.Done():
		case <-f.changed:
			changed = true
		}
		switch { // an end comes before a change
		case closed(f.stopped):
			return nil, ErrWatcherStopped
		case closed(f.informer.Done()):
			return nil, ErrClosed
		case !changed:
			if err := cmp.Or(f.health.Refused, f.health.Err); err != nil {
				return nil, errdefs.Join(ctx.Err(), err)
			}
			return nil, ctx.Err()
		}
		var v *View
		if err := f.attached.See(func(feed *informer.Feed) { v, f.health = view(feed), feed.Health() }); err != nil {
			return nil, err
		}
		if f.health.Proven {
			return v, nil
		}
		if f.health.Refused != nil {
			return nil, f.health.Refused
		}
		if redisconn.Hopeless(f.health.Err) {
			return nil, f.health.Err
		}
	}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func (f *follower) Stop() {
	f.stop.Do(func() {
		close(f.stopped)
		f.attached.Detach()
	})
}

// The methods of informer.Listener.

func (f *follower) Initial(*informer.Feed)       { f.changed.Signal() }
func (f *follower) HealthChanged(*informer.Feed) { f.changed.Signal() }
func (f *follower) Changed(feed *informer.Feed, changes []replica.Change) {
	firstView(feed, changes)
	f.changed.Signal()
}
