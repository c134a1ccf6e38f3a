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

// RegisterTTL sets the TTL of these nodes, at least 1 s. Default: Service.TTL, or else
// the TTL of the registry.
func RegisterTTL(d time.Duration) RegisterOption { return func(o *registerOptions) { o.ttl = d } }

// RegisterInterval sets how often these nodes are renewed: at least 50 ms, and at most
// half their TTL. Default: see Interval.
func RegisterInterval(d time.Duration) RegisterOption {
	return func(o *registerOptions) { o.interval = d }
}

// RegisterNamespace sets the namespace. Default: Service.Namespace, or else that of the
// registry.
func RegisterNamespace(ns string) RegisterOption {
	return func(o *registerOptions) { o.namespace = ns }
}

// RegisterExclusive makes Register return ErrConflict if another process holds a live
// lease of a node with the same ID. Default: the newest registration supersedes the
// others.
func RegisterExclusive() RegisterOption { return func(o *registerOptions) { o.exclusive = true } }

// RegisterManual turns renewal off: the caller renews by calling Register again within
// the TTL. Default: the registry renews.
func RegisterManual() RegisterOption { return func(o *registerOptions) { o.manual = true } }

// RegisterCheck sets a health check, which is called before each renewal with a context
// that ends after a third of the interval. While check returns an error, the lease is not
// renewed, and a lost node is not registered again: the state is Withheld. A check that
// fails at Register makes Register fail, unless RegisterRetry is given. Default: none.
//
// Clients of package discovery go on calling a node whose lease ran out while calls to it
// succeed: see discovery.Guard. To take a node out of rotation, register it with Draining.
//
// Renewals call check one at a time; Register may call it at the same time. If check
// panics, it has failed: the panic and its stack are logged.
func RegisterCheck(check func(context.Context) error) RegisterOption {
	return func(o *registerOptions) { o.check = check }
}

// RegisterRetry makes Register return nil if Redis is away: the registry then registers
// the nodes in the background, and tries until it succeeds: OnState then reports Live. What
// does not change with time is still an error: ErrInvalid, ErrConflict, ErrPermission.
// Default: a first Register that fails leaves nothing behind.
func RegisterRetry() RegisterOption { return func(o *registerOptions) { o.retry = true } }

// OnState sets a function that is called when the nodes of this registration change
// their state, with the cause if there is one. Nodes that change together are one call;
// each node that is superseded or removed is a call of its own, whose error names the
// node. Default: none.
//
// The registry calls f from one goroutine, one call at a time. While f blocks, later
// reports wait; renewal does not. If more than 1,024 wait, the oldest are dropped, and the
// log says how many. A panic in f ends the process, as in any other goroutine of the
// program.
func OnState(f func(State, error)) RegisterOption {
	return func(o *registerOptions) { o.onState = f }
}

// A DeregisterOption belongs to one call of Deregister.
type DeregisterOption func(*deregisterOptions)

type deregisterOptions struct{ namespace, reason string }

// DeregisterNamespace sets the namespace. Default: Service.Namespace, or else that of the
// registry.
func DeregisterNamespace(ns string) DeregisterOption {
	return func(o *deregisterOptions) { o.namespace = ns }
}

// DeregisterReason says why the nodes leave, for the history. It may be the text of an error:
// control characters become spaces, and the end of what is over 500 bytes is left out. Default:
// none.
func DeregisterReason(reason string) DeregisterOption {
	return func(o *deregisterOptions) { o.reason = reason }
}

// A GetOption belongs to one call of GetService.
type GetOption func(*getOptions)

type getOptions struct{ namespace string }

// GetNamespace sets the namespace; "*" means all. Default: that of the registry.
func GetNamespace(ns string) GetOption { return func(o *getOptions) { o.namespace = ns } }

// A ListOption belongs to one call of ListServices.
type ListOption func(*listOptions)

type listOptions struct{ namespace string }

// ListNamespace sets the namespace; "*" means all. Default: that of the registry.
func ListNamespace(ns string) ListOption { return func(o *listOptions) { o.namespace = ns } }

// A WatchOption belongs to one call of Watch.
type WatchOption func(*watchOptions)

type watchOptions struct{ service, namespace string }

// WatchService sets the service to watch. Default: all services of the namespace.
func WatchService(name string) WatchOption { return func(o *watchOptions) { o.service = name } }

// WatchNamespace sets the namespace; "*" means all. Default: that of the registry.
func WatchNamespace(ns string) WatchOption { return func(o *watchOptions) { o.namespace = ns } }

// A FollowOption belongs to one call of Follow or Knows.
type FollowOption func(*FollowOptions)

// FollowOptions are the settings that the options of a call of Follow or Knows make. An
// implementation of discovery.Source gets them from NewFollowOptions.
type FollowOptions struct {
	Namespace string // "": the namespace of the registry, or of the source
}

// NewFollowOptions applies the options in order. It skips nil ones.
func NewFollowOptions(opts ...FollowOption) FollowOptions { return apply(opts) }

// FollowNamespace sets the namespace. "*" is ErrInvalid: a View shows one service.
// Default: that of the registry.
func FollowNamespace(ns string) FollowOption { return func(o *FollowOptions) { o.Namespace = ns } }
