package see

import (
	"slices"

	"github.com/rollcall-go/rollcall/registry"
)

// A tally holds the nodes of each service, to count them again when they change.
type tally map[[2]string]map[string]node

// apply returns the services that a batch of changes is about, counted again, each once.
// One without a node is there with zeros.
func (t tally) apply(batch []change) []service {
	var order [][2]string
	touched := map[[2]string]bool{}
	for _, c := range batch {
		key := [2]string{c.Namespace, c.Service}
		if !touched[key] {
			touched[key] = true
			order = append(order, key)
		}
		if c.Change == registry.Delete.String() {
			delete(t[key], c.ID)
			continue
		}
		if t[key] == nil {
			t[key] = map[string]node{}
		}
		t[key][c.ID] = c.node
	}
	var counted []service
	for _, key := range order {
		s := service{Namespace: key[0], Service: key[1], Versions: []string{}, Zones: []string{}}
		for _, n := range t[key] {
			s.add(n)
		}
		slices.Sort(s.Versions)
		slices.Sort(s.Zones)
		counted = append(counted, s)
		if s.Nodes == 0 {
			delete(t, key)
		}
	}
	return counted
}
