package registry

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/rollcall-go/rollcall/internal/actor"
	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/internal/redisconn"
	"github.com/rollcall-go/rollcall/internal/replica"
)

// A View is a service as it stands, and how far that may be trusted. It is
// shared by all that follow the service: do not change it.
type View struct {
	// Services holds one *Service for each version that has a node, ordered as by
	// GetService, but without APIs: those GetService reads.
	Services []*Service

	// Revision and History are those of a Result: the state that the view shows.
	Revision uint64
	History  string

	// Lapsed are the nodes that are gone and did not deregister, and that have not come
	// back: their leases ran out, or Redis lost them and their hold ended. Of the last TTL
	// at least.
	Lapsed []Lapse

	// Held are the IDs of nodes that the registry has lost, in a flush or a
	// failover, and that nobody said are gone: they are shown until they register
	// again, or for a TTL at most. While Redis refuses to renew leases, they are
	// also those of the nodes that tell that they live: each is shown for a TTL
	// after it last did.
	Held []string

	// RefusedSince is when Redis, which goes on serving reads, began to refuse the
	// renewal of leases, by our clock: as the registries of nodes in Held tell, the
	// earliest. It is zero while leases are renewed.
	RefusedSince time.Time

	// Refused says why leases are not renewed: ErrUnavailable or ErrPermission, with
	// what Redis said to a registry. It is nil where RefusedSince is zero.
	Refused error

	// StaleSince is when contact with Redis was lost; zero while the view is live.
	StaleSince time.Time

	// Err says why the view is stale.
	Err error
}

// A Lapse is the end of a node by its lease.
type Lapse struct {
	Service *Service  // that of the View without its other nodes: the node as last known
	Time    time.Time // ours: when it was found
}

// A Follower hands out the views of one service.
type Follower interface {
	// Next returns the view as it stands, the first time, and after that a newer
	// one: it blocks until something changed, and passes over views that were
	// never asked for. The first view waits for Redis. One goroutine at a time.
	//
	//	ErrWatcherStopped  after Stop
	//	ErrClosed          after Close of the registry
	//	ErrPermission      Redis refused the user or the subscription; Next may be
	//	                   called again, and waits for the right
	//	ErrInvalid         an option does not suit the server; Next may be called
	//	                   again, and waits for the server to change
	//	ErrUnavailable     ctx ended before Redis answered for the first time;
	//	                   Next may be called again
	//
	// Otherwise, where ctx ends, its error.
	Next(ctx context.Context) (*View, error)

	// Stop ends the following and unblocks Next. It may be called many times.
	Stop()
}

// A follower is the Follower of one call of Follow.
type follower struct {
	h       *hub
	feed    *feed          // of the hub's goroutine
	health  replica.Health // as Next learned it last
	news    actor.Wake
	stopped chan struct{}
	stop    sync.Once
}

// Follow follows one service, which need not exist yet, until Stop or Close of
// the registry. It does not wait for Redis: Next does. Followers and watches of
// one service share one replica of it.
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
	h, err := r.watching(c)
	if err != nil {
		return nil, failure("follow", k.Namespace(), service, err)
	}
	f := &follower{h: h, news: actor.NewWake(), stopped: make(chan struct{})}
	h.do(func() { f.feed = h.attach(k, f) })
	return f, nil
}

func (f *follower) Next(ctx context.Context) (*View, error) {
	if ctx == nil {
		return nil, errNoContext
	}
	var v *View
	for {
		news := false
		select {
		case <-f.stopped:
		case <-f.h.ctx.Done():
		case <-ctx.Done():
		case <-f.news:
			news = true
		}
		switch { // what ends it comes before news
		case closed(f.stopped):
			return nil, ErrWatcherStopped
		case f.h.ctx.Err() != nil:
			return nil, ErrClosed
		case !news:
			if err := cmp.Or(f.health.Refused, f.health.Err); err != nil {
				return nil, errdefs.Join(ctx.Err(), err)
			}
			return nil, ctx.Err()
		}
		told := make(chan struct{})
		f.h.do(func() {
			v, f.health = f.feed.see(), f.feed.Health()
			close(told)
		})
		select {
		case <-told:
		case <-f.h.ctx.Done():
			return nil, ErrClosed
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

func closed(c chan struct{}) bool {
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
		f.h.do(func() { f.h.detach(f.feed, f) })
	})
}

func (f *follower) stands(*feed)                    { f.news.Signal() }
func (f *follower) changed(*feed, []replica.Change) { f.news.Signal() }
func (f *follower) fares(*feed)                     { f.news.Signal() }

// see returns the view of the feed, made once for each state of it.
func (f *feed) see() *View {
	if f.view != nil {
		return f.view
	}
	at, health := f.Replica.At(), f.Health()
	f.view = &View{Revision: at.Rev, History: at.Epoch, StaleSince: health.StaleSince, Err: health.Err}
	if health.Refusal != (replica.Refusal{}) {
		said := errors.New(health.Refusal.Why)
		f.view.RefusedSince, f.view.Refused = health.RefusedSince, cmp.Or(redisconn.Remedied(said, said.Error()), redisconn.Classify(said))
	}
	versions, newest := map[string]*Service{}, map[string]uint64{}
	for _, n := range f.Replica.Nodes() {
		if f.Replica.Held(n.ID) {
			f.view.Held = append(f.view.Held, n.ID)
		}
		s := versions[n.Record.Version]
		if s == nil {
			s = serviceVersion{f.service.Namespace(), f.service.Name(), n.Record.Version}.service()
			versions[n.Record.Version] = s
			f.view.Services = append(f.view.Services, s)
		}
		s.Nodes = append(s.Nodes, fromRecord(n.ID, n.Record))
		if n.Rev >= newest[s.Version] {
			newest[s.Version] = n.Rev
			s.describe(n.Record)
		}
	}
	slices.SortFunc(f.view.Services, byVersion)
	for _, l := range f.Lapses() {
		f.view.Lapsed = append(f.view.Lapsed, Lapse{result(f, Delete, l.Node, l.Point, l.Time).Service, l.Time})
	}
	return f.view
}
