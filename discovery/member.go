package discovery

import (
	"time"

	"github.com/rollcall-go/rollcall/registry"
)

// A member is a node of a view.
type member struct {
	*registry.Node
	service *registry.Service // its version, as the source describes it
	weight  float64           // its share of the calls: over 0
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
	if n.Weight <= 0 {
		return registry.DefaultWeight
	}
	return float64(n.Weight)
}
