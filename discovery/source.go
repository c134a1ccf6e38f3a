package discovery

import (
	"context"
	"strings"

	"github.com/rollcall-go/rollcall/registry"
)

// A Source says how services stand. *registry.Redis is one; Static and FromRegistry
// make others.
type Source interface {
	// Follow begins to follow a service, which need not exist yet, and does not
	// wait for it. registry.NewFollowOptions tells what the options say; where they
	// name no namespace, the source's own is meant. An error is final: bad input, or
	// the source is closed.
	Follow(service string, opts ...registry.FollowOption) (registry.Follower, error)
}

// A Knower is a Source that tells at a small cost whether it knows a service.
// *registry.Redis is one. The Resolver then follows no name that is no service; of
// other sources it follows up to 100 of them, for half a minute each.
type Knower interface {
	// Knows tells whether a service exists, with nodes or without. It asks anew each
	// time, as long as ctx allows. The options are those of Follow.
	Knows(ctx context.Context, service string, opts ...registry.FollowOption) (bool, error)
}

// Sources order the versions of a service, and the nodes of each, by these.
func byVersion(a, b *registry.Service) int { return strings.Compare(a.Version, b.Version) }
func byID(a, b *registry.Node) int         { return strings.Compare(a.ID, b.ID) }
