package cli

import (
	"cmp"

	"github.com/rollcall-go/rollcall/registry"
)

// The states of a node, as all commands print and count them.
const (
	Up       = "up"       // takes calls
	Draining = "draining" // takes calls only where no other node is up
	Idle     = "idle"     // takes none: its weight is 0
)

// Status returns the state of a node.
func Status(n *registry.Node) string {
	switch {
	case n.Status == registry.Draining:
		return Draining
	case n.Weight == registry.NoTraffic:
		return Idle
	}
	return Up
}

// Weight returns the weight of a node as people write it: 0 for registry.NoTraffic.
func Weight(n *registry.Node) int { return max(0, cmp.Or(n.Weight, registry.DefaultWeight)) }
