package discovery

import (
	"strings"

	"github.com/rollcall-go/rollcall/registry"
)

// A Source says how services stand. *registry.Redis is one; Static and FromRegistry
// make others.
type Source interface {
	// Follow begins to follow a service, which need not exist yet, and does not
	// wait for it. The namespace "" is the source's own. An error is final: bad
	// input, or the source is closed.
	Follow(namespace, service string) (registry.Follower, error)
}

// Sources order the versions of a service, and the nodes of each, by these.
func byVersion(a, b *registry.Service) int { return strings.Compare(a.Version, b.Version) }
func byID(a, b *registry.Node) int         { return strings.Compare(a.ID, b.ID) }
