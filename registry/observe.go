package registry

import (
	"context"
	"time"

	"github.com/rollcall-go/rollcall/internal/replica"
)

// An Observer receives the events of a registry, one at a time and in order, from a goroutine
// that does nothing else. It may block, and may call the registry, Close too. If more than
// 1,024 events wait for it, the oldest are dropped, and the log says how many. A panic in it
// ends the process, as in OnState.
//
// Package metrics has an Observer that counts events for Prometheus.
type Observer func(Event)

// A Tracer is called when a call of the Registry interface, or of Knows, begins, in its
// goroutine. It gets what a CallEvent has. It returns the context that the call goes on with,
// which must come from ctx, and a function that is called once, with the result. Neither may be
// nil. Commands to Redis that the call makes get a context of it, except those of background work.
//
// Package oteladapter, a module of its own, has a Tracer of OpenTelemetry.
type Tracer func(ctx context.Context, op, namespace, service string) (context.Context, func(error))

// Event is one of CallEvent, RenewEvent, StateEvent and ReapEvent, of the nodes that are
// registered here, or one of HealthEvent, ReadEvent, PollEvent, DoubtEvent, GapEvent and
// SubscriptionEvent, of the services that are watched or followed.
type Event interface{ event() }

// A CallEvent reports that a call of the Registry interface, or of Knows, has returned, or is
// about to.
type CallEvent struct {
	Op                 string // "register", "deregister", "get", "list", "watch", "know"
	Namespace, Service string
	Took               time.Duration
	Err                error
}

// A RenewEvent reports that a round of renewals is over. Services that are due at the same time
// are renewed in one round. What could not be renewed is tried again in a later round.
type RenewEvent struct {
	Calls int           // script calls sent
	Nodes int           // nodes in them
	Late  time.Duration // how much later than due the round began
	Took  time.Duration // from then until its end
	Err   error         // the first failure, or nil
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

// A HealthEvent reports that the local copy of a service has become stale or up to date, that
// other nodes are held than before, or that Redis has begun or ceased to refuse renewals.
type HealthEvent struct {
	Namespace, Service string
	Held               int       // how many nodes are held, as in View.Held
	StaleSince         time.Time // as in View
	RefusedSince       time.Time // as in View
	Err                error     // as in View
}

// A ReadEvent reports that a service was read as a whole, or that this failed.
type ReadEvent struct {
	Namespace, Service string
	Why                ReadReason
	Nodes              int           // that were listed
	Took               time.Duration // with the wait for other reads: eight run at a time
	Err                error
}

// A ReadReason is why a service was read as a whole.
type ReadReason string

// The reasons. Where there are several, an event has that of the read which is due first.
const (
	ReadSubscribed = ReadReason(replica.WhySubscribed) // the subscription is new
	ReadFirst      = ReadReason(replica.WhyEvent)      // an event came that begins a history, or too many came out of order
	ReadDoubt      = ReadReason(replica.WhyProbe)      // the version shows another history than the events: see DoubtEvent
	ReadPoll       = ReadReason(replica.WhyPoll)       // a poll shows another history, or another number of nodes
	ReadGap        = ReadReason(replica.WhyGap)        // events were lost: see GapEvent
	ReadUnreadable = ReadReason(replica.WhyUnreadable) // a message of another program, or of another version of the protocol
	ReadChanged    = ReadReason(replica.WhyChanged)    // the service changed during the read before, so that it did not count
	ReadFailed     = ReadReason(replica.WhyFailed)     // the read before has failed
)

// A PollEvent reports that services were polled together: that what is known of them was
// compared with Redis.
type PollEvent struct {
	Services int           // up to 100
	Late     time.Duration // how much later than due the poll was sent
	Took     time.Duration // from then until the last answer
	Err      error         // the first failure, or nil
}

// A DoubtEvent reports that the version of a service was read, because its events did not lead
// on from one another, or have not brought what a poll has shown.
type DoubtEvent struct {
	Namespace, Service string
	Settled            bool // nothing is missing: the doubt was without cause
	Err                error
}

// A GapEvent reports that a service has changes which the subscription has not brought. The
// service is read, and a subscription that loses events is made again.
type GapEvent struct{ Namespace, Service string }

// A SubscriptionEvent reports that the subscription has ended, and is made again.
type SubscriptionEvent struct{ Err error }

func (CallEvent) event()         {}
func (RenewEvent) event()        {}
func (StateEvent) event()        {}
func (ReapEvent) event()         {}
func (HealthEvent) event()       {}
func (ReadEvent) event()         {}
func (PollEvent) event()         {}
func (DoubtEvent) event()        {}
func (GapEvent) event()          {}
func (SubscriptionEvent) event() {}
