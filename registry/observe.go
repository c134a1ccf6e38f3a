package registry

import "time"

// An Observer receives events as they happen: from many goroutines, at times
// concurrently, in the middle of the work. It must return at once. As with OnState, a
// panic in it ends the process.
type Observer func(Event)

// Event is one of CallEvent, RenewEvent, StateEvent and ReapEvent.
type Event interface{ event() }

// CallEvent: a call of the Registry interface, or of Knows, has returned.
type CallEvent struct {
	Op                 string // "register", "deregister", "get", "list", "watch", "know"
	Namespace, Service string
	Took               time.Duration
	Err                error
}

// RenewEvent: a round of renewals is over. Services that fell due together are
// renewed together.
type RenewEvent struct {
	Calls int // script calls sent
	Nodes int // nodes in them
	Took  time.Duration
	Err   error // the first failure, or nil
}

// StateEvent: the registration of a node changed its state.
type StateEvent struct {
	Namespace, Service, Node string
	State                    State
	Err                      error
}

// ReapEvent: nodes whose leases had run out were removed.
type ReapEvent struct {
	Namespace, Service string
	Nodes              []string
}

func (CallEvent) event()  {}
func (RenewEvent) event() {}
func (StateEvent) event() {}
func (ReapEvent) event()  {}
