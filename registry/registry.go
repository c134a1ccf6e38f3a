package registry

import (
	"context"
	"encoding/json"
	"time"

	"github.com/rollcall-go/rollcall/internal/record"
)

// Registry registers services and finds them. *Redis implements it.
//
// All methods may be called from many goroutines. Every call ends with its context, or
// after Options.Timeout if the context has no deadline. A command that Redis has received
// from a cancelled call is completed in the background. Every failure is an *OpError. It
// unwraps to one of the sentinels of this package, to the error of the context, or to the
// error of a RegisterCheck.
type Registry interface {
	// Init applies more options and connects. If Redis does not answer, it returns
	// ErrUnavailable; the registry can still be used, and connects as soon as it can.
	Init(opts ...Option) error

	// Options returns the options of the registry, with defaults for those not set.
	Options() Options

	// Register registers the nodes of s and renews their leases until Deregister or
	// Close. A further call adds and updates nodes by ID, and removes none. A node
	// whose data is unchanged is renewed, and watchers get no change.
	Register(ctx context.Context, s *Service, opts ...RegisterOption) error

	// Deregister removes the nodes of s that this registry registered. If s.Nodes is
	// empty, it removes all that this registry registered of the service, or of
	// s.Version if that is set. A node that is already gone is no error. Nodes of other
	// registries are never removed.
	Deregister(ctx context.Context, s *Service, opts ...DeregisterOption) error

	// GetService returns the live nodes of a service, one *Service for each
	// version, ordered by namespace and version. It reads Redis directly.
	// If there is no live node, it returns ErrNotFound.
	GetService(ctx context.Context, name string, opts ...GetOption) ([]*Service, error)

	// ListServices returns the names, versions and namespaces that have a live
	// node, without the nodes, ordered by namespace, name and version.
	ListServices(ctx context.Context, opts ...ListOption) ([]*Service, error)

	// Watch returns a Watcher, which returns one Create for each live node, and then
	// every change.
	Watch(ctx context.Context, opts ...WatchOption) (Watcher, error)

	// String names the registry for a log line, without any credentials.
	String() string
}

// Watcher returns the changes of one Watch.
type Watcher interface {
	// Next blocks until there is a change. After Stop it returns ErrWatcherStopped;
	// after the context of Watch has ended, the error of that context.
	Next() (*Result, error)

	// Stop ends the watch and unblocks Next. It may be called many times.
	Stop()
}

// Result is one change of one node.
type Result struct {
	Action Action

	// Service has exactly one node, the one that changed. For a Delete, it is the node
	// as last known.
	Service *Service

	// Timestamp is when the change was made, by Redis's clock.
	Timestamp time.Time

	// Revision orders the changes of one service within one History.
	Revision uint64

	// History identifies the data that Revision counts in. It changes when the data in
	// Redis is new, after a flush or an empty restart; Revision then starts again.
	History string
}

// Action is what happened to a node.
type Action int

// The actions of a Result.
const (
	Create Action = iota
	Update
	Delete
)

// String returns "create", "update" or "delete".
func (a Action) String() string {
	switch a {
	case Create:
		return "create"
	case Update:
		return "update"
	case Delete:
		return "delete"
	default:
		return "unknown"
	}
}

// Service is one version of a named service and its nodes.
type Service struct {
	// Name is 1 to 255 bytes of UTF-8 without control characters.
	Name string

	// Version is at most 255 bytes. Versions of one name are separate Services; "" is a
	// version too.
	Version string

	// Namespace separates services of the same name. "" means the namespace of the
	// registry, which is "default" unless set. "*" is not allowed.
	Namespace string

	// Metadata, Endpoints and APIs describe the version. Each node is registered with
	// its own copy; if the copies differ, that of the node that changed last is used.
	Metadata  map[string]string
	Endpoints []*Endpoint

	// Nodes are the addresses of the servers.
	Nodes []*Node

	// TTL is how long a node stays registered after its last renewal, at least 1 s.
	// 0 means the TTL of the registry.
	TTL time.Duration

	// APIs is an OpenAPI document of at most 64 KiB, or nil.
	APIs json.RawMessage
}

// Endpoint describes one method of a service.
type Endpoint struct {
	Name     string
	Request  *Value
	Response *Value
	Metadata map[string]string
}

// Value describes a message: its name, its type and its fields.
type Value struct {
	Name   string
	Type   string
	Values []*Value
}

// Node is one server of a service.
type Node struct {
	// ID is at most 255 bytes, and unique among the nodes of a service, of all versions.
	// "" means Address.
	ID string

	// Network is a network of package net; "" means "tcp".
	Network string

	// Address is what callers dial: host:port, or a path if Network is "unix". For a
	// server that listens on all addresses, Advertise finds it.
	Address string

	// Weight is the share of calls, relative to the weights of the other nodes. 0 means
	// DefaultWeight. NoTraffic means no calls.
	Weight int

	// Zone is where the node runs. Callers may prefer nodes of their own zone.
	Zone string

	// Status shows whether the node accepts new calls.
	Status Status

	Metadata map[string]string
}

const (
	// DefaultWeight is the weight of a node whose Weight is 0, that is, not set.
	DefaultWeight = 10

	// NoTraffic is the Weight of a node that is registered and gets no calls, for example
	// while it warms up. A node with NoTraffic gets no calls even if it is the only one;
	// a Draining node then does. No other Weight may be negative. In Redis it is
	// "weight":0.
	NoTraffic = record.NoTraffic
)

// Status shows whether a node accepts new calls.
type Status int

// The states of a node.
const (
	Up       Status = iota // accepts calls
	Draining               // finishes its calls; gets new ones only if no node is Up
)

// String returns "up" or "draining".
func (s Status) String() string {
	switch s {
	case Up:
		return "up"
	case Draining:
		return "draining"
	default:
		return "unknown"
	}
}

// State is the state of the registration of a node. OnState reports it.
type State int

// The states of a registration.
//
//	Pending --registered--> Live --Deregister--> Left
//	                         |  ^
//	  lost by Redis, or no   v  |  registered again
//	  renewal for a TTL
//	                        Lost
//
// From each of the first four states, a newer lease of another process leads to
// Superseded, and the removal by an operator to Removed. Both are final until Deregister.
const (
	Pending    State = iota // not registered yet; being retried
	Live                    // registered, and renewed
	Lost                    // Redis has lost the node, or nothing has reached Redis for a whole TTL; being retried
	Withheld                // not renewed, because its RegisterCheck fails
	Superseded              // a newer lease holds the node; nothing is retried
	Removed                 // an operator removed the node; nothing is retried
	Left                    // deregistered
)

// String returns the state's name in lower case.
func (s State) String() string {
	names := [...]string{"pending", "live", "lost", "withheld", "superseded", "removed", "left"}
	if s < 0 || int(s) >= len(names) {
		return "unknown"
	}
	return names[s]
}
