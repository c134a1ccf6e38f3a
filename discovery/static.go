package discovery

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"sync"

	"github.com/rollcall-go/rollcall/registry"
)

// A StaticSource is a Source of a list of services that the program sets: for tests, and for
// fleets that do not change by themselves. Make it with Static. Its methods may be called
// from many goroutines.
type StaticSource struct {
	mu      sync.Mutex
	err     error // what was wrong with the first list
	views   map[serviceName]*registry.View
	changed chan struct{} // closed, and made anew, by Update
}

// staticHistory is the History of what was ever listed.
const staticHistory = "static"

// defaultNamespace is what an empty one means to sources that have none of their own.
const defaultNamespace = "default"

// Static makes a source of these services, as Update does. If something is wrong with them,
// every Follow returns registry.ErrInvalid until an Update succeeds.
func Static(services ...*registry.Service) *StaticSource {
	s := &StaticSource{views: map[serviceName]*registry.View{}, changed: make(chan struct{})}
	s.err = s.Update(services...)
	return s
}

// Update replaces the list by these services. It copies them. Versions of one name are
// separate services; the namespace "" is "default", and the ID "" is the Address.
//
// A service that is no longer in the list has no nodes. Its History stays "static", while
// that of a service that never was in the list is "". Its Revision grows with each change of
// it, and only followers of a service that has changed get a new view.
//
//	ErrInvalid  a service or node is nil, or has no name or address; a weight or
//	            status is wrong; a version of a service, or a node, is there twice.
//	            The list stays as it was.
func (s *StaticSource) Update(services ...*registry.Service) error {
	listed, err := list(services)
	if err != nil {
		return failure("update", "", "", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = nil
	for name := range s.views {
		if _, still := listed[name]; !still {
			listed[name] = nil
		}
	}
	for name, versions := range listed {
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
	name := serviceName{cmp.Or(registry.NewFollowOptions(opts...).Namespace, defaultNamespace), service}
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.err
	if err == nil && service == "" {
		err = invalid("Name: is empty")
	}
	if err != nil {
		return nil, failure("follow", name.namespace, service, err)
	}
	return &staticFollower{s: s, name: name, stopped: make(chan struct{})}, nil
}

// view returns the view of a service, nil if it was never listed, and what is
// closed when that may have changed.
func (s *StaticSource) view(name serviceName) (*registry.View, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.views[name], s.changed
}

type staticFollower struct {
	s       *StaticSource
	name    serviceName
	begun   bool // has seen a view
	last    *registry.View
	stopped chan struct{}
	stop    sync.Once
}

func (f *staticFollower) Next(ctx context.Context) (*registry.View, error) {
	if ctx == nil {
		return nil, errNoContext
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

// list checks services and copies them, by name, as a View holds them.
func list(services []*registry.Service) (map[serviceName][]*registry.Service, error) {
	listed := map[serviceName][]*registry.Service{}
	type part struct {
		serviceName
		kind, id string
	}
	seen := map[part]bool{}
	for i, s := range services {
		field := fmt.Sprintf("Services[%d]", i)
		s, err := copyService(field, s)
		if err != nil {
			return nil, err
		}
		name := serviceName{s.Namespace, s.Name}
		version := part{name, "version", s.Version}
		if seen[version] {
			return nil, invalid("%s.Version: %q of %q is there twice", field, s.Version, s.Name)
		}
		seen[version] = true
		for j, n := range s.Nodes {
			node := part{name, "node", n.ID}
			if seen[node] {
				return nil, invalid("%s.Nodes[%d].ID: %q is there twice", field, j, n.ID)
			}
			seen[node] = true
		}
		versions := listed[name]
		if len(s.Nodes) > 0 {
			versions = append(versions, s)
		}
		slices.SortFunc(versions, byVersion)
		listed[name] = versions
	}
	return listed, nil
}

// copyService checks a service and copies it to the last map, with the defaults in
// place.
func copyService(field string, s *registry.Service) (*registry.Service, error) {
	switch {
	case s == nil:
		return nil, invalid("%s: is nil", field)
	case s.Name == "":
		return nil, invalid("%s.Name: is empty", field)
	case s.Namespace == "*":
		return nil, invalid("%s.Namespace: * stands for all namespaces, only in reading", field)
	}
	plain := *s
	plain.APIs = nil
	data, err := json.Marshal(plain)
	if err != nil {
		return nil, invalid("%s: %v", field, err) // such as values that contain themselves
	}
	c := &registry.Service{}
	if err := json.Unmarshal(data, c); err != nil {
		return nil, invalid("%s: %v", field, err)
	}
	c.Namespace, c.APIs = cmp.Or(c.Namespace, defaultNamespace), nil // views have none
	for i, n := range c.Nodes {
		if err := checkNode(fmt.Sprintf("%s.Nodes[%d]", field, i), n); err != nil {
			return nil, err
		}
		n.ID = cmp.Or(n.ID, n.Address)
	}
	slices.SortFunc(c.Nodes, byID)
	return c, nil
}

// checkNode finds what no node can have.
func checkNode(field string, n *registry.Node) error {
	switch {
	case n == nil:
		return invalid("%s: is nil", field)
	case n.Address == "":
		return invalid("%s.Address: is empty", field)
	case n.Weight < registry.NoTraffic:
		return invalid("%s.Weight: %d is negative; for no calls set registry.NoTraffic, %d", field, n.Weight, registry.NoTraffic)
	case n.Status != registry.Up && n.Status != registry.Draining:
		return invalid("%s.Status: %d is neither Up nor Draining", field, n.Status)
	}
	return nil
}
