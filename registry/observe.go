package registry

import "time"

// An Observer receives the events of a registry, one at a time and in order, from a goroutine
// that does nothing else. It may block, and may call the registry, Close too. If more than
// 1,024 events wait for it, the oldest are dropped, and the log says how many. A panic in it
// ends the process, as in OnState.
type Observer func(Event)

// Event is one of CallEvent, RenewEvent, StateEvent and ReapEvent.
type Event interface{ event() }

// A CallEvent reports that a call of the Registry interface, or of Knows, has returned.
type CallEvent struct {
	Op                 string // "register", "deregister", "get", "list", "watch", "know"
	Namespace, Service string
	Took               time.Duration
	Err                error
}

// A RenewEvent reports that a round of renewals is over. Services that are due at the same time
// are renewed in one round.
type RenewEvent struct {
	Calls int // script calls sent
	Nodes int // nodes in them
	Took  time.Duration
	Err   error // the first failure, or nil
}

// A StateEvent reports that the registration of a node has changed its state.
type StateEvent struct {
	Namespace, Service, Node string
	State                    State
	Err                      error
}

// A ReapEvent reports that this registry has removed nodes whose leases had ended.
type ReapEvent struct {
	Namespace, Service string
	Nodes              []string
}

func (CallEvent) event()  {}
func (RenewEvent) event() {}
func (StateEvent) event() {}
func (ReapEvent) event()  {}
