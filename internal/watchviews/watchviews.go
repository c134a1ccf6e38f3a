// Package watchviews makes the views of a service from a registry's GetService and Watch.
package watchviews

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/rollcall-go/rollcall/internal/actor"
	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/internal/listed"
	"github.com/rollcall-go/rollcall/registry"
)

// A Follower makes views of one watch after the other. It owns one goroutine, run.
type Follower struct {
	reg     registry.Registry
	name    listed.Name
	ctx     context.Context
	cancel  context.CancelFunc
	ended   chan struct{}
	changed actor.Wake // there is what Next has not returned

	mu         sync.Mutex
	state      *state // nil before it is known
	staleSince time.Time
	err        error          // why it is stale, or not known
	final      bool           // the registry is closed
	view       *registry.View // of all this; nil until a call asks
}

// Follow returns a Follower of a service of a registry.
func Follow(reg registry.Registry, namespace, service string) *Follower {
	f := &Follower{
		reg: reg, name: listed.Name{Namespace: namespace, Service: service},
		ended: make(chan struct{}), changed: actor.NewWake(),
	}
	f.ctx, f.cancel = context.WithCancel(context.Background())
	go f.run()
	return f
}

func (f *Follower) run() {
	defer close(f.ended)
	retry := backoff.NewExponentialBackOff(backoff.WithMaxInterval(5*time.Second), backoff.WithMaxElapsedTime(0))
	pause := actor.NewWake() // that is never signalled
	for {
		err := f.watch(retry.Reset)
		if f.ctx.Err() != nil {
			return
		}
		final := errors.Is(err, registry.ErrClosed)
		if f.staleSince.IsZero() || !errdefs.SameKind(f.err, err) {
			f.note(func() {
				if f.err, f.final = err, final; f.staleSince.IsZero() {
					f.staleSince = time.Now()
				}
			})
		}
		if final {
			return
		}
		pause.Until(f.ctx, time.Now().Add(retry.NextBackOff()))
	}
}

// watch watches the service until that fails. It calls begun once it knows the service.
func (f *Follower) watch(begun func()) error {
	w, err := f.reg.Watch(f.ctx, registry.WatchNamespace(f.name.Namespace), registry.WatchService(f.name.Service))
	if err != nil {
		return err
	}
	if w == nil {
		return errdefs.Invalid("Watch of the registry", "nil")
	}
	defer w.Stop()
	defer context.AfterFunc(f.ctx, w.Stop)()

	// The watch begins first: what changes while this is read comes after it.
	services, err := f.reg.GetService(f.ctx, f.name.Service, registry.GetNamespace(f.name.Namespace))
	if err != nil && !errors.Is(err, registry.ErrNotFound) {
		return err
	}
	begun()
	f.note(func() {
		s := newState(services)
		if f.state != nil { // until a result has another
			s.history, s.revision = f.state.history, f.state.revision
		}
		f.state, f.staleSince, f.err = s, time.Time{}, nil
	})
	for {
		r, err := w.Next()
		if err != nil {
			return err
		}
		f.note(func() { f.state.fold(r) })
	}
}

// note changes what is known.
func (f *Follower) note(change func()) {
	f.mu.Lock()
	change()
	f.view = nil
	f.mu.Unlock()
	f.changed.Signal()
}

// current returns the newest view, nil before the first.
func (f *Follower) current() (v *registry.View, err error, final bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.view == nil && f.state != nil {
		f.view = f.state.view()
		f.view.StaleSince, f.view.Err = f.staleSince, f.err
	}
	return f.view, f.err, f.final
}

// Next is that of registry.Follower.
func (f *Follower) Next(ctx context.Context) (*registry.View, error) {
	if ctx == nil {
		return nil, errdefs.Invalid("the context is nil", "use context.Background")
	}
	for {
		changed := false
		select {
		case <-f.changed:
			changed = true
		case <-f.ctx.Done():
		case <-ctx.Done():
		}
		v, err, final := f.current()
		switch {
		case f.ctx.Err() != nil:
			return nil, registry.ErrWatcherStopped
		case final:
			f.changed.Signal() // for the next call, too
			return nil, err
		case changed && v != nil:
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

// Stop ends the Follower, and waits for its goroutine.
func (f *Follower) Stop() {
	f.cancel()
	<-f.ended
}

// A state is a service as the results of a watch describe it.
type state struct {
	versions map[string]*registry.Service // as described last, with no node
	nodes    map[nodeOf]*registry.Node
	history  string
	revision uint64
}

type nodeOf struct{ version, id string }

// unnamedHistory is the History of nodes whose results have none.
const unnamedHistory = "watch"

func newState(services []*registry.Service) *state {
	s := &state{versions: map[string]*registry.Service{}, nodes: map[nodeOf]*registry.Node{}}
	for _, v := range services {
		s.put(v)
	}
	return s
}

// broken says whether a service is one that no registry should return.
func broken(v *registry.Service) bool { return v == nil || slices.Contains(v.Nodes, nil) }

// put adds the nodes of a version, and takes over what it says of the version.
func (s *state) put(v *registry.Service) {
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

// fold adds a result. One of another History begins to count anew: nodes that left with the
// old history have Deletes.
func (s *state) fold(r *registry.Result) {
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

// view returns the view of the state, which later results do not change.
func (s *state) view() *registry.View {
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
		slices.SortFunc(version.Nodes, listed.ByID)
	}
	slices.SortFunc(v.Services, listed.ByVersion)
	return v
}
