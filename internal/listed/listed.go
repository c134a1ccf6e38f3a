// Package listed names, orders, checks and copies services as a view lists them.
package listed

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/registry"
)

// A Name is that of a service. Namespace may be "": that of the source.
type Name struct{ Namespace, Service string }

func (n Name) String() string { return n.Namespace + "/" + n.Service }

// DefaultNamespace is the namespace "" of a source that has none of its own.
const DefaultNamespace = "default"

// ByVersion orders the versions of a service.
func ByVersion(a, b *registry.Service) int { return strings.Compare(a.Version, b.Version) }

// ByID orders the nodes of a version.
func ByID(a, b *registry.Node) int { return strings.Compare(a.ID, b.ID) }

// Services checks and copies services, and returns the versions that have nodes by name, as
// a View lists them. The namespace "" becomes DefaultNamespace, the ID "" the Address. An
// error is an ErrInvalid that names the field.
func Services(services []*registry.Service) (map[Name][]*registry.Service, error) {
	all := map[Name][]*registry.Service{}
	type part struct {
		Name
		kind, id string
	}
	seen := map[part]bool{}
	for i, s := range services {
		field := fmt.Sprintf("Services[%d]", i)
		s, err := copyService(field, s)
		if err != nil {
			return nil, err
		}
		name := Name{s.Namespace, s.Name}
		version := part{name, "version", s.Version}
		if seen[version] {
			return nil, errdefs.Invalid(field+".Version", "%q of %q is there twice", s.Version, s.Name)
		}
		seen[version] = true
		for j, n := range s.Nodes {
			node := part{name, "node", n.ID}
			if seen[node] {
				return nil, errdefs.Invalid(fmt.Sprintf("%s.Nodes[%d].ID", field, j), "%q is there twice", n.ID)
			}
			seen[node] = true
		}
		versions := all[name]
		if len(s.Nodes) > 0 {
			versions = append(versions, s)
		}
		slices.SortFunc(versions, ByVersion)
		all[name] = versions
	}
	return all, nil
}

// copyService checks a service and copies all of it, with the defaults in place.
func copyService(field string, s *registry.Service) (*registry.Service, error) {
	switch {
	case s == nil:
		return nil, errdefs.Invalid(field, "is nil")
	case s.Name == "":
		return nil, errdefs.Invalid(field+".Name", "is empty")
	case s.Namespace == "*":
		return nil, errdefs.Invalid(field+".Namespace", "* means all namespaces, and only reads may use it")
	}
	plain := *s
	plain.APIs = nil
	data, err := json.Marshal(plain)
	if err != nil {
		return nil, errdefs.Invalid(field, "%v", err) // such as values that contain themselves
	}
	c := &registry.Service{}
	if err := json.Unmarshal(data, c); err != nil {
		return nil, errdefs.Invalid(field, "%v", err)
	}
	c.Namespace, c.APIs = cmp.Or(c.Namespace, DefaultNamespace), nil // views have none
	for i, n := range c.Nodes {
		if err := CheckNode(fmt.Sprintf("%s.Nodes[%d]", field, i), n); err != nil {
			return nil, err
		}
		n.ID = cmp.Or(n.ID, n.Address)
	}
	slices.SortFunc(c.Nodes, ByID)
	return c, nil
}

// CheckNode returns an ErrInvalid for what no node can have.
func CheckNode(field string, n *registry.Node) error {
	switch {
	case n == nil:
		return errdefs.Invalid(field, "is nil")
	case n.Address == "":
		return errdefs.Invalid(field+".Address", "is empty")
	case n.Weight < registry.NoTraffic:
		return errdefs.Invalid(field+".Weight", "%d is negative; for no calls set registry.NoTraffic, %d", n.Weight, registry.NoTraffic)
	case n.Status != registry.Up && n.Status != registry.Draining:
		return errdefs.Invalid(field+".Status", "%d is neither Up nor Draining", n.Status)
	}
	return nil
}
