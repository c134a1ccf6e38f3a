package discovery

import (
	"github.com/rollcall-go/rollcall/internal/watchviews"
	"github.com/rollcall-go/rollcall/registry"
)

// FromRegistry makes a Source of any registry, from its GetService and Watch. If reg is a
// Source itself, as *registry.Redis is, it is returned as it is.
//
// If a watch ends or fails, it is started again, with backoff, until it succeeds; views are
// stale meanwhile. GetService and Watch cannot tell an empty service from one that has never
// existed: a View has no History until a node was seen. Nor can they tell a deregistration
// from a lease that ended, so Guard has no effect.
//
// Stop of a Follower waits for its goroutine, which ends if the registry obeys the end of its
// contexts and Watcher.Stop.
func FromRegistry(reg registry.Registry) Source {
	if src, ok := reg.(Source); ok {
		return src
	}
	return watchSource{reg}
}

type watchSource struct{ reg registry.Registry }

func (s watchSource) Follow(service string, opts ...registry.FollowOption) (registry.Follower, error) {
	namespace := registry.NewFollowOptions(opts...).Namespace
	switch {
	case isNil(s.reg):
		return nil, failure("follow", namespace, service, invalid("FromRegistry: nil"))
	case service == "":
		return nil, failure("follow", namespace, service, invalid("Name: is empty"))
	}
	return watchviews.Follow(s.reg, namespace, service), nil
}
