package discovery

import (
	"time"

	"github.com/rollcall-go/rollcall/registry"
)

// A member is a node of a view.
type member struct {
	*registry.Node
	service *registry.Service // its version, as the source describes it
	weight  float64           // its share of the calls: over 0, or 0 with NoTraffic
	state   *nodeState
}

// A nodeState is what calls have told of a node. It outlives views: it belongs to
// an ID at an address.
type nodeState struct {
	load   load
	health health
	since  time.Time // when it came; zero: it stood when the service was first seen
}

type nodeKey struct{ id, address string }

// weightOf is the share of the calls that a node asks for.
func weightOf(n *registry.Node) float64 {
	switch {
	case n.Weight == registry.NoTraffic:
		return 0
	case n.Weight <= 0:
		return registry.DefaultWeight
	}
	return float64(n.Weight)
}

// noTraffic tells that no call may go to the node, also where no other is left.
func (m *member) noTraffic() bool { return m.weight == 0 }

// withdrawn tells that calls go to other nodes by the node's own wish, as long as there
// are others. Such a node is not ejected.
func (m *member) withdrawn() bool { return m.noTraffic() || m.Status == registry.Draining }
