package hertzadapter

import (
	"slices"
	"strings"

	"github.com/rollcall-go/rollcall/internal/community"
	"github.com/rollcall-go/rollcall/registry"
)

// merge returns v with the entries that it does not have yet, by address. v, which is
// shared, stays as it is.
func merge(v *registry.View, listed []community.Entry, service, namespace string) *registry.View {
	known := map[string]bool{}
	for _, version := range v.Services {
		for _, n := range version.Nodes {
			known[n.Address] = true
		}
	}
	merged := *v
	merged.Services = slices.Clone(v.Services)
	copied := map[string]*registry.Service{}
	for _, e := range listed {
		if known[e.Addr] {
			continue
		}
		name := e.Tags[tagVersion]
		version := copied[name]
		if version == nil {
			version = &registry.Service{Name: service, Version: name, Namespace: namespace}
			at, found := slices.BinarySearchFunc(merged.Services, name, func(s *registry.Service, name string) int {
				return strings.Compare(s.Version, name)
			})
			if found {
				*version = *merged.Services[at]
				version.Nodes = slices.Clone(version.Nodes)
				merged.Services[at] = version
			} else {
				merged.Services = slices.Insert(merged.Services, at, version)
			}
			copied[name] = version
		}
		version.Nodes = append(version.Nodes, nodeOf(e))
	}
	return &merged
}

// nodeOf is the node of an entry. The old reader takes a weight of zero
// or less for 10, and so for our default.
func nodeOf(e community.Entry) *registry.Node {
	return &registry.Node{
		ID: e.Addr, Network: "tcp", Address: e.Addr,
		Weight: max(e.Weight, 0), Zone: e.Tags[tagZone], Metadata: e.Tags,
	}
}
