package views

import (
	"iter"
	"maps"

	"github.com/rollcall-go/rollcall/internal/listed"
)

// Names are the services that a hub follows, by name. They never change: others take their
// place. A service that is added goes into a small layer, which joins the large one when it
// has grown to about the square root of that. So a change copies few of the services.
type names struct{ large, small layer }

// A layer is a part of names. byName has its services of the source's own namespace.
type layer struct {
	services map[listed.Name]*Service
	byName   map[string]*Service
}

// own returns the service of a name in the source's own namespace, or nil.
func (n *names) own(name string) *Service {
	if s := n.large.byName[name]; s != nil {
		return s
	}
	return n.small.byName[name]
}

// get returns the service of a name, or nil.
func (n *names) get(name listed.Name) *Service {
	if name.Namespace == "" {
		return n.own(name.Service)
	}
	if s := n.large.services[name]; s != nil {
		return s
	}
	return n.small.services[name]
}

func (n *names) len() int { return len(n.large.services) + len(n.small.services) }

func (n *names) all() iter.Seq[*Service] {
	return func(yield func(*Service) bool) {
		for _, l := range []layer{n.large, n.small} {
			for _, s := range l.services {
				if !yield(s) {
					return
				}
			}
		}
	}
}

// with returns names with one more service.
func (n *names) with(s *Service) *names {
	small := n.small.clone()
	small.add(s)
	if size := len(small.services); size*size <= 2*len(n.large.services) {
		return &names{n.large, small}
	}
	large := n.large.clone()
	for _, s := range small.services {
		large.add(s)
	}
	return &names{large: large}
}

// without returns names without some services. Others of the same names stay.
func (n *names) without(services []*Service) *names {
	return &names{n.large.without(services), n.small.without(services)}
}

func (l layer) clone() layer {
	c := layer{maps.Clone(l.services), maps.Clone(l.byName)}
	if c.services == nil {
		c = layer{map[listed.Name]*Service{}, map[string]*Service{}}
	}
	return c
}

func (l layer) add(s *Service) {
	l.services[s.name] = s
	if s.name.Namespace == "" {
		l.byName[s.name.Service] = s
	}
}

// without returns the same layer if it has none of the services.
func (l layer) without(services []*Service) layer {
	c, cloned := l, false
	for _, s := range services {
		if l.services[s.name] != s {
			continue
		}
		if !cloned {
			c, cloned = l.clone(), true
		}
		delete(c.services, s.name)
		if s.name.Namespace == "" {
			delete(c.byName, s.name.Service)
		}
	}
	return c
}
