package discovery

import (
	"context"

	"github.com/rollcall-go/rollcall/registry"
)

// A Source provides the views of services. *registry.Redis is one; Static and FromRegistry
// make others.
type Source interface {
	// Follow returns a Follower of a service, which need not exist yet, without waiting
	// for its first view. registry.NewFollowOptions returns what the options set; an
	// empty namespace means that of the source. An error is final: wrong input, or the
	// source is closed.
	Follow(service string, opts ...registry.FollowOption) (registry.Follower, error)
}

// A Knower is a Source that can say at low cost whether a service exists. *registry.Redis is
// one. A Resolver asks it before it follows a service that it does not know, so wrong names
// cost little. If its Source is no Knower, it follows up to 100 unknown names, for half a minute
// each; calls for further ones wait for an answer of the source each time.
type Knower interface {
	// Knows says whether a service exists, with nodes or without. Each call asks again,
	// until ctx ends. The options are those of Follow.
	Knows(ctx context.Context, service string, opts ...registry.FollowOption) (bool, error)
}
