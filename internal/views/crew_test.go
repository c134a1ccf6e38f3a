package views

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/rollcall-go/rollcall/registry"
)

// Whatever changes between two views, each has one member for each node, in the order of the
// view. It has the state of the same node at the same address, and is the member of the view
// before where nothing of it has changed.
func TestCrew(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var c crew
		var known []*registry.Node // so that views share pointers
		for range rapid.IntRange(1, 6).Draw(t, "views") {
			services := drawServices(t, &known)
			before := c
			states, members := map[nodeKey]*state{}, map[*Member]bool{}
			for _, m := range before.members {
				states[keyOf(m.Node)], members[m] = m.state, true
			}
			c = before.next(services, func() *state { return &state{} })
			i, withdrawn := 0, 0
			for _, s := range services {
				for _, n := range s.Nodes {
					m := c.members[i]
					if m.Node != n || c.nodes[i] != n || m.version.name != s.Version || m.version.metadata["k"] != s.Metadata["k"] {
						t.Fatalf("member %d is %s of %v, want %s of %s, %v", i, m.ID, m.version, n.ID, s.Version, s.Metadata)
					}
					if was := states[keyOf(n)]; was != nil && was != m.state {
						t.Fatalf("%s at %s has lost its state", n.ID, n.Address)
					}
					if m.Withdrawn() {
						withdrawn++
					}
					i++
				}
			}
			if i != len(c.members) || c.withdrawn != withdrawn {
				t.Fatalf("%d members, %d of them withdrawn; want %d, %d", len(c.members), c.withdrawn, i, withdrawn)
			}
			again := c.next(services, func() *state { t.Fatal("a state is made anew"); return nil })
			for i, m := range again.members {
				if m != c.members[i] {
					t.Fatalf("member %d is made anew, and nothing has changed", i)
				}
			}
		}
	})
}

// drawServices draws the versions of a service, in order. Some nodes are those of views
// before, by their pointers, and some of these are of another version now.
func drawServices(t *rapid.T, known *[]*registry.Node) (services []*registry.Service) {
	const absent = 2
	versions := rapid.SliceOfN(rapid.IntRange(0, absent), 5, 5).Draw(t, "version of each node")
	for version := range rapid.IntRange(0, 2).Draw(t, "versions") {
		s := &registry.Service{Version: fmt.Sprint(version), Metadata: map[string]string{"k": rapid.SampledFrom([]string{"1", "2"}).Draw(t, "metadata")}}
		for id, its := range versions {
			if its != version {
				continue
			}
			n := &registry.Node{
				ID: fmt.Sprint(id), Address: rapid.SampledFrom([]string{"x", "y"}).Draw(t, "address"),
				Weight: rapid.SampledFrom([]int{registry.NoTraffic, 1, 2}).Draw(t, "weight"),
			}
			for _, old := range *known {
				if old.ID == n.ID && rapid.Bool().Draw(t, "same") {
					n = old
					break
				}
			}
			s.Nodes, *known = append(s.Nodes, n), append([]*registry.Node{n}, *known...)
		}
		services = append(services, s)
	}
	return services
}
