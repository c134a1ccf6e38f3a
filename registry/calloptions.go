package registry

import (
	"context"
	"time"
)

// A RegisterOption belongs to one call of Register.
type RegisterOption func(*registerOptions)

type registerOptions struct {
	ttl, interval time.Duration
	namespace     string
	exclusive     bool
	manual        bool
	retry         bool
	check         func(context.Context) error
	onState       func(State, error)
}

// RegisterTTL wins over Service.TTL and the registry's TTL.
func RegisterTTL(d time.Duration) RegisterOption { return func(o *registerOptions) { o.ttl = d } }

// RegisterInterval wins over the registry's Interval.
func RegisterInterval(d time.Duration) RegisterOption {
	return func(o *registerOptions) { o.interval = d }
}

// RegisterNamespace wins over Service.Namespace and the registry's.
func RegisterNamespace(ns string) RegisterOption {
	return func(o *registerOptions) { o.namespace = ns }
}

// RegisterExclusive refuses, with ErrConflict, to take a node over from another
// process that lives. Without it the newest registration of an ID wins.
func RegisterExclusive() RegisterOption { return func(o *registerOptions) { o.exclusive = true } }

// RegisterManual keeps nothing alive: the caller renews by calling Register
// again, within the TTL.
func RegisterManual() RegisterOption { return func(o *registerOptions) { o.manual = true } }

// RegisterCheck asks check before each renewal, with a context that ends after a
// third of the interval. While it fails the lease is not renewed, and a node
// that was lost is not registered again. A check that fails at Register fails
// Register, unless RegisterRetry is given. The keeper calls it from one goroutine at a
// time; a Register of the same check may call it meanwhile. A check that panics has failed:
// it is a probe, and its panic is what it found. The log has the panic and the stack.
func RegisterCheck(check func(context.Context) error) RegisterOption {
	return func(o *registerOptions) { o.check = check }
}

// RegisterRetry makes a first Register that cannot be done now go on in the
// background, without end, and return nil. What time does not mend is still an error:
// bad input, a conflict, ErrInvalid and ErrPermission. OnState tells when it is done.
func RegisterRetry() RegisterOption { return func(o *registerOptions) { o.retry = true } }

// OnState is called when the nodes of the registration change their state, with
// the cause where there is one: once for nodes that change together, and for each
// node that is superseded or removed, which the error names. Calls come one after
// the other, from a goroutine of the registry's: f should return soon, because
// reports wait for it; renewal does not. A panic in f ends the process, as a panic in any
// goroutine of the program's own does: nobody waits for f who could be told of it.
func OnState(f func(State, error)) RegisterOption {
	return func(o *registerOptions) { o.onState = f }
}

// A DeregisterOption belongs to one call of Deregister.
type DeregisterOption func(*deregisterOptions)

type deregisterOptions struct{ namespace string }

// DeregisterNamespace wins over Service.Namespace and the registry's.
func DeregisterNamespace(ns string) DeregisterOption {
	return func(o *deregisterOptions) { o.namespace = ns }
}

// A GetOption belongs to one call of GetService.
type GetOption func(*getOptions)

type getOptions struct{ namespace string }

// GetNamespace wins over the registry's namespace; "*" means all.
func GetNamespace(ns string) GetOption { return func(o *getOptions) { o.namespace = ns } }

// A ListOption belongs to one call of ListServices.
type ListOption func(*listOptions)

type listOptions struct{ namespace string }

// ListNamespace wins over the registry's namespace; "*" means all.
func ListNamespace(ns string) ListOption { return func(o *listOptions) { o.namespace = ns } }

// A WatchOption belongs to one call of Watch.
type WatchOption func(*watchOptions)

type watchOptions struct{ service, namespace string }

// WatchService watches one service. Without it all of the namespace are watched.
func WatchService(name string) WatchOption { return func(o *watchOptions) { o.service = name } }

// WatchNamespace wins over the registry's namespace; "*" means all.
func WatchNamespace(ns string) WatchOption { return func(o *watchOptions) { o.namespace = ns } }

// A FollowOption belongs to one call of Follow or Knows.
type FollowOption func(*FollowOptions)

// FollowOptions are what the options of a call of Follow or Knows add up to. Who writes
// a discovery.Source of his own gets them by NewFollowOptions.
type FollowOptions struct {
	Namespace string // "": that of the registry, or of the source
}

// NewFollowOptions applies the options; nil ones are passed over.
func NewFollowOptions(opts ...FollowOption) FollowOptions { return apply(opts) }

// FollowNamespace wins over the registry's namespace. "*" is ErrInvalid: a View is of
// one service.
func FollowNamespace(ns string) FollowOption { return func(o *FollowOptions) { o.Namespace = ns } }
