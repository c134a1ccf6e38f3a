package render

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/registry"
)

// services gives a template the services that it names, from when it first names them. It
// owns the goroutines that follow them.
type services struct {
	ctx      context.Context
	registry *registry.Redis
	resolver *discovery.Resolver
	changed  chan struct{} // has room for one: something differs from what was given last

	followers sync.WaitGroup

	mu       sync.Mutex                 // guards all below
	followed map[string]*discovery.View // nil until the first has come
	nodes    map[string]map[string]bool // ids by service; nil until the template asks for all services
	lost     error                      // why the watch of all services has ended
}

func newServices(ctx context.Context, r *registry.Redis, resolver *discovery.Resolver) *services {
	return &services{ctx: ctx, registry: r, resolver: resolver, changed: make(chan struct{}, 1), followed: map[string]*discovery.View{}}
}

// notify says that something has changed.
func (s *services) notify() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// Nodes returns the nodes of a service, and follows the service from then on. One that does
// not exist has none.
func (s *services) Nodes(name string, ready bool) (found []*registry.Service, err error) {
	s.follow(name)
	s.mu.Lock()
	view := s.followed[name]
	_, listed := s.nodes[name]
	s.mu.Unlock()
	if view == nil { // none has come yet
		view, err = s.resolver.Resolve(s.ctx, name)
		if errors.Is(err, registry.ErrNotFound) || listed && errors.Is(err, registry.ErrInvalid) { // a list may have names that are not ours
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
	}
	nodes := view.Nodes()
	if ready {
		nodes = view.Ready()
	}
	for _, n := range nodes {
		of := *view.ServiceOf(n)
		of.Nodes = []*registry.Node{n}
		found = append(found, &of)
	}
	return found, nil
}

// follow keeps the newest view of a service.
func (s *services) follow(name string) {
	s.mu.Lock()
	_, already := s.followed[name]
	if !already {
		s.followed[name] = nil
	}
	s.mu.Unlock()
	if already {
		return
	}
	s.followers.Go(func() {
		for view := range s.resolver.Changes(s.ctx, name) {
			s.mu.Lock()
			s.followed[name] = view
			s.mu.Unlock()
			s.notify()
		}
	})
}

// Services returns the names of the services that have nodes, and watches them from then
// on.
func (s *services) Services() ([]string, error) {
	s.mu.Lock()
	first := s.nodes == nil
	s.mu.Unlock()
	if first {
		if err := s.watch(); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.nodes)), s.lost
}

// watch reads the services once, and watches them.
func (s *services) watch() error {
	w, err := s.registry.Watch(s.ctx)
	if err != nil {
		return err
	}
	list, err := s.registry.ListServices(s.ctx)
	if err != nil {
		w.Stop()
		return err
	}
	s.mu.Lock()
	s.nodes = map[string]map[string]bool{}
	for _, one := range list {
		s.nodes[one.Name] = map[string]bool{}
	}
	s.mu.Unlock()
	s.followers.Go(func() {
		defer w.Stop()
		for {
			result, err := w.Next()
			if err != nil {
				s.mu.Lock()
				s.lost = err
				s.mu.Unlock()
				s.notify()
				return
			}
			if s.note(result) {
				s.notify()
			}
		}
	})
	return nil
}

// note takes a change of a node, and reports whether the list of services has changed.
func (s *services) note(r *registry.Result) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	name, id := r.Service.Name, r.Service.Nodes[0].ID
	nodes := s.nodes[name]
	if r.Action == registry.Delete {
		delete(nodes, id)
		if len(nodes) == 0 {
			delete(s.nodes, name)
		}
		return len(nodes) == 0
	}
	if nodes == nil {
		s.nodes[name] = map[string]bool{id: true}
		return true
	}
	nodes[id] = true
	return false
}
