package informer

import (
	"time"

	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/replica"
)

// A Sink takes what an Informer reports of its own work. The loop's goroutine calls it: it
// must not block.
type Sink interface {
	// Doubted: a service's version was read, because events did not lead on from one
	// another. Known says that the events since then, if any, explain it.
	Doubted(service keys.Service, known bool, err error)
	// Gap: changes were found that the subscription has not brought.
	Gap(service keys.Service)
	// Resubscribed: the subscription has ended, and is made again.
	Resubscribed(why error)
	// Read: a snapshot was read, or not.
	Read(service keys.Service, r Reading)
	// Polled: services were polled together.
	Polled(Polling)
	// HealthChanged: how far the nodes of a service can be trusted has changed.
	HealthChanged(f *Feed)
}

// A Reading is what came of a snapshot.
type Reading struct {
	Why   replica.Why
	Nodes int
	Took  time.Duration // with the wait for other snapshots
	Err   error
}

// A Polling is what came of a poll of several services.
type Polling struct {
	Services   int
	Late, Took time.Duration // from when the first of them was due until it was sent; and from then on
	Err        error         // the first failure
}

// silent is the Sink of an Informer that has none.
type silent struct{}

func (silent) Doubted(keys.Service, bool, error) {}
func (silent) Gap(keys.Service)                  {}
func (silent) Resubscribed(error)                {}
func (silent) Read(keys.Service, Reading)        {}
func (silent) Polled(Polling)                    {}
func (silent) HealthChanged(*Feed)               {}
