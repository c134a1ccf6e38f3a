package views

import (
	"iter"
	"sync"
	"sync/atomic"

	"github.com/rollcall-go/rollcall/internal/listed"
)

// Names are the services that a hub follows, by name. Nearly all are settled: they are found
// without a lock, in maps that never change. New names are settled together, when they are many
// or all is called, within a quarter of a second: so one of them costs no copy of the others.
// Until then, a call for it takes a lock.
type names struct {
	settled atomic.Pointer[settled]

	mu       sync.RWMutex
	services map[listed.Name]*Service
	fresh    atomic.Int64 // how many of them are not settled
}

// Settled names never change: others take their place.
type settled struct {
	own   map[string]*Service      // of the source's own namespace
	other map[listed.Name]*Service // of the namespaces that calls have named
}

func newNames() *names {
	n := &names{services: map[listed.Name]*Service{}}
	n.settle()
	return n
}

// get returns the service of a name, or nil.
func (n *names) get(name listed.Name) *Service {
	if name.Namespace == "" {
		return n.own(name.Service)
	}
	if s := n.settled.Load().other[name]; s != nil {
		return s
	}
	return n.unsettled(name)
}

// own returns the service of a name in the source's own namespace, or nil.
func (n *names) own(name string) *Service {
	if s := n.settled.Load().own[name]; s != nil {
		return s
	}
	return n.unsettled(listed.Name{Service: name})
}

func (n *names) unsettled(name listed.Name) *Service {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.services[name]
}

func (n *names) len() int {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return len(n.services)
}

// all yields the services that there are when it is called.
func (n *names) all() iter.Seq[*Service] {
	n.mu.RLock()
	if n.fresh.Load() > 0 {
		n.settle()
	}
	n.mu.RUnlock()
	at := n.settled.Load()
	return func(yield func(*Service) bool) {
		for _, s := range at.own {
			if !yield(s) {
				return
			}
		}
		for _, s := range at.other {
			if !yield(s) {
				return
			}
		}
	}
}

func (n *names) add(s *Service) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.services[s.name] = s
	if 4*n.fresh.Add(1) > int64(len(n.services)) {
		n.settle()
	}
}

// remove takes services out. Others of the same names stay.
func (n *names) remove(services ...*Service) {
	n.mu.Lock()
	defer n.mu.Unlock()
	at, gone := n.settled.Load(), false
	for _, s := range services {
		if n.services[s.name] == s {
			delete(n.services, s.name)
			gone = gone || at.own[s.name.Service] == s || at.other[s.name] == s
		}
	}
	if gone {
		n.settle()
	}
}

func (n *names) clear() {
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.services)
	n.settle()
}

// settle makes all services settled. mu is held, to read at least.
func (n *names) settle() {
	at := &settled{make(map[string]*Service, len(n.services)), map[listed.Name]*Service{}}
	for name, s := range n.services {
		if name.Namespace == "" {
			at.own[name.Service] = s
		} else {
			at.other[name] = s
		}
	}
	n.settled.Store(at)
	n.fresh.Store(0)
}
