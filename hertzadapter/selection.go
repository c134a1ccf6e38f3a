package hertzadapter

import (
	"maps"

	"github.com/cloudwego/hertz/pkg/app/client/discovery"

	"github.com/rollcall-go/rollcall/registry"
)

// selectNodes returns the nodes that have all the tags, as Hertz wants them.
// Nodes that drain are among them only when no other node stands.
func selectNodes(services []*registry.Service, tags map[string]string) []discovery.Instance {
	var up, draining []discovery.Instance
	for _, s := range services {
		for _, n := range s.Nodes {
			has := nodeTags(s, n)
			if !hasAll(has, tags) {
				continue
			}
			in := discovery.NewInstance(networkOf(n), n.Address, n.Weight, has)
			if n.Status == registry.Draining {
				draining = append(draining, in)
			} else {
				up = append(up, in)
			}
		}
	}
	if len(up) == 0 {
		return draining
	}
	return up
}

// nodeTags are a node's metadata, its version and its zone. The latter two win
// over metadata of the same name.
func nodeTags(s *registry.Service, n *registry.Node) map[string]string {
	tags := maps.Clone(n.Metadata)
	if tags == nil {
		tags = make(map[string]string, 2)
	}
	tags[tagVersion] = s.Version
	tags[tagZone] = n.Zone
	maps.DeleteFunc(tags, func(k, v string) bool { return v == "" && (k == tagVersion || k == tagZone) })
	return tags
}

// hasAll reports whether has holds every tag of want. An empty tag also matches
// one that is missing.
func hasAll(has, want map[string]string) bool {
	for k, v := range want {
		if has[k] != v {
			return false
		}
	}
	return true
}

func networkOf(n *registry.Node) string {
	if n.Network == "" {
		return "tcp"
	}
	return n.Network
}
