package registry

import (
	"context"
	"encoding/json"
	"time"

	"github.com/rollcall-go/rollcall/internal/record"
)

// Registry registers services and finds them. *Redis implements it.
//
// All methods may be called from many goroutines. A context bounds every call, by its
// deadline and by its cancellation; where it has no deadline, Options.Timeout bounds
// the call. What a call that was cancelled has begun ends in the background, by the
// same bound. Every failure is an *OpError. It
// unwraps to one of the sentinels of this package, or to what the caller brought:
// the end of the context, the error of a check.
type Registry interface {
	// Init applies more options and connects. ErrUnavailable when nothing
	// answers: the registry can be used all the same, and connects when it can.
	Init(opts ...Option) error

	// Options returns what is in force.
	Options() Options

	// Register announces the nodes of s and keeps their leases alive until
	// Deregister or Close. Registering again merges nodes by ID; unchanged data
	// refreshes the leases and emits nothing.
	Register(ctx context.Context, s *Service, opts ...RegisterOption) error

	// Deregister withdraws the nodes of s that this registry registered; without
	// nodes all of them, or all of s.Version where that is given. A node that is
	// already gone is no error, and a node of somebody else is never touched.
	Deregister(ctx context.Context, s *Service, opts ...DeregisterOption) error

	// GetService returns the live nodes of a service, one *Service for each
	// version, ordered by namespace and version. It reads Redis directly.
	// ErrNotFound when no node lives.
	GetService(ctx context.Context, name string, opts ...GetOption) ([]*Service, error)

	// ListServices returns the names, versions and namespaces that have a live
	// node, without the nodes, ordered by namespace, name and version.
	ListServices(ctx context.Context, opts ...ListOption) ([]*Service, error)

	// Watch reports what stands, one Create for each node, then every change.
	Watch(ctx context.Context, opts ...WatchOption) (Watcher, error)

	// String names the registry for a log line, without any credentials.
	String() string
}

// Watcher delivers the changes that a Watch asked for.
type Watcher interface {
	// Next blocks until there is a change. After Stop it returns
	// ErrWatcherStopped, after the end of Watch's context the context's error.
	Next() (*Result, error)

	// Stop ends the watch and unblocks Next. It may be called many times.
	Stop()
}

// Result is one change of one node.
type Result struct {
	Action Action

	// Service holds exactly the node concerned; for a Delete, the node as it was
	// last known.
	Service *Service

	// Timestamp is when the change was made, by Redis's clock.
	Timestamp time.Time

	// Revision orders the changes of one service within one History.
	Revision uint64

	// History is the epoch that Revision counts in. It changes when the data in
	// Redis began anew, after a flush or an empty restart.
	History string
}

// Action says what happened to a node.
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

	// Version keeps the versions of one name apart; "" is a version too.
	// 255 bytes at most.
	Version string

	// Namespace holds names apart; "" means the registry's namespace, and where
	// that is not set either, "default". "*" is not a namespace.
	Namespace string

	// Metadata, Endpoints and APIs belong to the version. Where its nodes
	// disagree, the node that changed last wins.
	Metadata  map[string]string
	Endpoints []*Endpoint

	// Nodes are the addresses that serve.
	Nodes []*Node

	// TTL is how long a node outlives its last renewal, at least one second.
	// Zero means the registry's TTL.
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

// Node is one address that serves.
type Node struct {
	// ID is unique per namespace and service, across versions. "" means Address.
	// 255 bytes at most.
	ID string

	// Network is a network of package net; "" means "tcp".
	Network string

	// Address is host:port that callers can dial, or a path where Network is "unix".
	// Advertise finds that of a server which listens on all addresses.
	Address string

	// Weight is the share of the traffic, beside that of the other nodes. 0 means
	// DefaultWeight, and NoTraffic none at all.
	Weight int

	// Zone is where the node runs, for callers that prefer the near.
	Zone string

	// Status says whether the node wants new calls.
	Status Status

	Metadata map[string]string
}

const (
	// DefaultWeight is what a Weight of zero means: a Weight that nobody has set must
	// not keep calls away from a node.
	DefaultWeight = 10

	// NoTraffic is the Weight of a node that is registered and watched, and gets no
	// call: to warm up, or to be looked at. Unlike Draining it holds also where no other
	// node is left. It is the only Weight under zero; in Redis it is "weight":0.
	NoTraffic = record.NoTraffic
)

// Status says whether a node wants new calls.
type Status int

// The states of a node.
const (
	Up       Status = iota // takes calls
	Draining               // finishes what it has; picked only when no other node stands
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

// State is where a registration stands. OnState reports it.
type State int

// The states of a registration.
//
//	Pending --registered--> Live --Deregister--> Left
//	                         |  ^
//	  lost by Redis, or no   v  |  registered again
//	  renewal for a TTL
//	                        Lost
//
// From any of the first four, another process's newer lease leads to
// Superseded and an operator's removal to Removed. Both are final until
// Deregister.
const (
	Pending    State = iota // not yet registered, being retried
	Live                    // registered, lease renewed
	Lost                    // Redis lost the node, or no renewal for a whole TTL, nor a word to watchers that it lives; being retried
	Withheld                // its check fails: not renewed
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
