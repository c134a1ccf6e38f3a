package discovery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/rollcall-go/rollcall/registry"
)

// FromRegistry makes a Source of any registry, from its GetService and Watch. If reg is a
// Source itself, as *registry.Redis is, it is returned as it is.
//
// If a watch ends or fails, it is started again, with backoff, until it succeeds; views are
// stale meanwhile. GetService and Watch cannot tell an empty service from one that has never
// existed: a View has no History until a node was seen. Nor can they tell a deregistration
// from a lease that ended, so Guard has no effect.
//
// Stop of a Follower waits for its goroutine, which ends if the registry obeys the end of its
// contexts and Watcher.Stop.
func FromRegistry(reg registry.Registry) Source {
	if src, ok := reg.(Source); ok {
		return src
	}
	return watchSource{reg}
}

type watchSource struct{ reg registry.Registry }

func (s watchSource) Follow(service string, opts ...registry.FollowOption) (registry.Follower, error) {
	namespace := registry.NewFollowOptions(opts...).Namespace
	switch {
	case isNil(s.reg):
		return nil, failure("follow", namespace, service, invalid("FromRegistry: nil"))
	case service == "":
		return nil, failure("follow", namespace, service, invalid("Name: is empty"))
	}
	f := &watchFollower{
		reg: s.reg, name: serviceName{namespace, service},
		ended: make(chan struct{}), news: make(chan struct{}, 1),
	}
	f.ctx, f.cancel = context.WithCancel(context.Background())
	go f.run()
	return f, nil
}

// A watchFollower makes views of one watch after the other. It owns one goroutine,
// run.
type watchFollower struct {
	reg    registry.Registry
	name   serviceName
	ctx    context.Context
	cancel context.CancelFunc
	ended  chan struct{}
	news   chan struct{}

	mu         sync.Mutex
	stands     *watchedState // nil before it is known
	staleSince time.Time
	err        error          // why it is stale, or not known
	final      bool           // the registry is closed
	view       *registry.View // of all this; nil until somebody asks
}

func (f *watchFollower) run() {
	defer close(f.ended)
	retry := backoff.NewExponentialBackOff(backoff.WithMaxInterval(5*time.Second), backoff.WithMaxElapsedTime(0))
	for {
		err := f.watch(retry.Reset)
		if f.ctx.Err() != nil {
			return
		}
		final := errors.Is(err, registry.ErrClosed)
		if f.staleSince.IsZero() || !sameKind(f.err, err) {
			f.note(func() {
				if f.err, f.final = err, final; f.staleSince.IsZero() {
					f.staleSince = time.Now()
				}
			})
		}
		if final {
			return
		}
		wait(f.ctx, retry.NextBackOff())
	}
}

// watch watches the service until that fails. begun is called when it stands.
func (f *watchFollower) watch(begun func()) error {
	w, err := f.reg.Watch(f.ctx, registry.WatchNamespace(f.name.namespace), registry.WatchService(f.name.name))
	if err != nil {
		return err
	}
	if w == nil {
		return invalid("Watch of the registry: nil")
	}
	defer w.Stop()
	defer context.AfterFunc(f.ctx, w.Stop)()

	// The watch stands first, so what changes while this is read comes after it.
	services, err := f.reg.GetService(f.ctx, f.name.name, registry.GetNamespace(f.name.namespace))
	if err != nil && !errors.Is(err, registry.ErrNotFound) {
		return err
	}
	begun()
	f.note(func() {
		stands := newWatchedState(services)
		if f.stands != nil { // until a result tells another
			stands.history, stands.revision = f.stands.history, f.stands.revision
		}
		f.stands, f.staleSince, f.err = stands, time.Time{}, nil
	})
	for {
		r, err := w.Next()
		if err != nil {
			return err
		}
		f.note(func() { f.stands.fold(r) })
	}
}

// note changes what is known.
func (f *watchFollower) note(change func()) {
	f.mu.Lock()
	change()
	f.view = nil
	f.mu.Unlock()
	f.tell()
}

// tell wakes Next.
func (f *watchFollower) tell() {
	select {
	case f.news <- struct{}{}:
	default:
	}
}

// see returns the view as it stands, nil before the first.
func (f *watchFollower) see() (v *registry.View, err error, final bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.view == nil && f.stands != nil {
		f.view = f.stands.view()
		f.view.StaleSince, f.view.Err = f.staleSince, f.err
	}
	return f.view, f.err, f.final
}

func (f *watchFollower) Next(ctx context.Context) (*registry.View, error) {
	if ctx == nil {
		return nil, errNoContext
	}
	for {
		news := false
		select {
		case <-f.news:
			news = true
		case <-f.ctx.Done():
		case <-ctx.Done():
		}
		v, err, final := f.see()
		switch {
		case f.ctx.Err() != nil:
			return nil, registry.ErrWatcherStopped
		case final:
			f.tell() // the next call, too
			return nil, err
		case news && v != nil:
			return v, nil
		case ctx.Err() != nil && v != nil:
			return nil, ctx.Err()
		case ctx.Err() != nil && err != nil:
			return nil, fmt.Errorf("%w; %w", ctx.Err(), err)
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil && !errors.Is(err, registry.ErrUnavailable):
			return nil, err
		}
	}
}

func (f *watchFollower) Stop() {
	f.cancel()
	<-f.ended
}

// A watchedState is a service as the results of a watch add up to it.
type watchedState struct {
	versions map[string]*registry.Service // as described last, with no node
	nodes    map[nodeOf]*registry.Node
	history  string
	revision uint64
}

type nodeOf struct{ version, id string }

// unnamedHistory is that of nodes of which nothing tells another.
const unnamedHistory = "watch"

func newWatchedState(services []*registry.Service) *watchedState {
	s := &watchedState{versions: map[string]*registry.Service{}, nodes: map[nodeOf]*registry.Node{}}
	for _, v := range services {
		s.put(v)
	}
	return s
}

// broken tells of a service that no registry should bring.
func broken(v *registry.Service) bool { return v == nil || slices.Contains(v.Nodes, nil) }

// put adds the nodes of a version, and takes over what it says of the version.
func (s *watchedState) put(v *registry.Service) {
	if broken(v) {
		return
	}
	plain := *v
	plain.Nodes, plain.APIs = nil, nil // views have no APIs
	s.versions[v.Version] = &plain
	for _, n := range v.Nodes {
		own := *n
		own.ID = cmp.Or(n.ID, n.Address)
		s.nodes[nodeOf{v.Version, own.ID}] = &own
		s.history = cmp.Or(s.history, unnamedHistory)
	}
}

// fold takes a result. One of another History begins to count anew: who left with
// the history before is told by Deletes.
func (s *watchedState) fold(r *registry.Result) {
	if r == nil || broken(r.Service) {
		return
	}
	if r.Action == registry.Delete {
		for _, n := range r.Service.Nodes {
			delete(s.nodes, nodeOf{r.Service.Version, cmp.Or(n.ID, n.Address)})
		}
	} else {
		s.put(r.Service)
	}
	if history := cmp.Or(r.History, unnamedHistory); history != s.history {
		s.history, s.revision = history, 0
	}
	s.revision = max(s.revision, r.Revision)
}

// view returns the view of what stands, which later results do not change.
func (s *watchedState) view() *registry.View {
	v := &registry.View{Revision: s.revision, History: s.history}
	versions := map[string]*registry.Service{}
	for k, n := range s.nodes {
		version := versions[k.version]
		if version == nil {
			c := *s.versions[k.version]
			version = &c
			versions[k.version] = version
			v.Services = append(v.Services, version)
		}
		version.Nodes = append(version.Nodes, n)
	}
	for _, version := range v.Services {
		slices.SortFunc(version.Nodes, byID)
	}
	slices.SortFunc(v.Services, byVersion)
	return v
}
