package discovery

import (
	"cmp"
	"context"
	"reflect"
	"sync"

	"github.com/rollcall-go/rollcall/internal/listed"
	"github.com/rollcall-go/rollcall/internal/views"
	"github.com/rollcall-go/rollcall/registry"
)

// A StaticSource is a Source of a list of services that the program sets: for tests, and for
// fleets that do not change by themselves. Make it with Static. Its methods may be called
// from many goroutines.
type StaticSource struct {
	mu      sync.Mutex
	err     error // what was wrong with the first list
	views   map[listed.Name]*registry.View
	changed chan struct{} // closed, and made anew, by Update
}

// staticHistory is the History of each service that was ever in the list.
const staticHistory = "static"

// Static makes a source of these services, as Update does. If something is wrong with them,
// every Follow returns registry.ErrInvalid until an Update succeeds.
func Static(services ...*registry.Service) *StaticSource {
	s := &StaticSource{views: map[listed.Name]*registry.View{}, changed: make(chan struct{})}
	s.err = s.Update(services...)
	return s
}

// Update replaces the whole list by copies of these services. Versions of one service are
// separate entries with the same Name. The namespace "" means "default", and the ID "" of a node
// means its Address.
//
// A service that is missing from the new list still exists, and has no nodes. Each change of a
// service raises its Revision by one, and only its own followers get a new view.
//
//	ErrInvalid  a service or node is nil, or has no name or address; a weight or
//	            status is wrong; a version of a service, or a node, is there twice.
//	            The list stays as it was.
func (s *StaticSource) Update(services ...*registry.Service) error {
	all, err := listed.Services(services)
	if err != nil {
		return failure("update", "", "", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = nil
	for name := range s.views {
		if _, still := all[name]; !still {
			all[name] = nil
		}
	}
	for name, versions := range all {
		before := s.views[name]
		v := &registry.View{Services: versions, Revision: 1, History: staticHistory}
		if before != nil {
			if reflect.DeepEqual(before.Services, versions) {
				continue
			}
			v.Revision = before.Revision + 1
		}
		s.views[name] = v
	}
	close(s.changed)
	s.changed = make(chan struct{})
	return nil
}

// Follow follows a service, listed or not. Without registry.FollowNamespace it is that
// of the namespace "default".
func (s *StaticSource) Follow(service string, opts ...registry.FollowOption) (registry.Follower, error) {
	name := listed.Name{Namespace: cmp.Or(registry.NewFollowOptions(opts...).Namespace, listed.DefaultNamespace), Service: service}
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.err
	if err == nil && service == "" {
		err = invalid("Name: is empty")
	}
	if err != nil {
		return nil, failure("follow", name.Namespace, service, err)
	}
	return &staticFollower{s: s, name: name, stopped: make(chan struct{})}, nil
}

// view returns the view of a service, nil if it was never listed, and what is
// closed when that may have changed.
func (s *StaticSource) view(name listed.Name) (*registry.View, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.views[name], s.changed
}

type staticFollower struct {
	s       *StaticSource
	name    listed.Name
	begun   bool // has seen a view
	last    *registry.View
	stopped chan struct{}
	stop    sync.Once
}

func (f *staticFollower) Next(ctx context.Context) (*registry.View, error) {
	if ctx == nil {
		return nil, views.ErrNoContext
	}
	for {
		v, changed := f.s.view(f.name)
		select {
		case <-f.stopped:
			return nil, registry.ErrWatcherStopped
		default:
		}
		if v != f.last || !f.begun {
			f.last, f.begun = v, true
			if v == nil {
				v = &registry.View{}
			}
			return v, nil
		}
		select {
		case <-changed:
		case <-f.stopped:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (f *staticFollower) Stop() { f.stop.Do(func() { close(f.stopped) }) }
