// Package registrar is the write side of a registry: it registers nodes, renews their
// leases, registers again what Redis has lost, and removes nodes of the same services
// whose leases ran out.
//
//	Register, Deregister --> the book of services and nodes
//	                           ^        ^          ^
//	                        renewer   reaper   cataloguer
//
// The life of one registration is the table of package lifecycle.
package registrar

import (
	"context"
	"slices"
	"time"

	"github.com/rollcall-go/rollcall/internal/actor"
	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/lifecycle"
	"github.com/rollcall-go/rollcall/internal/redisconn"
	"github.com/rollcall-go/rollcall/internal/schedule"
	"github.com/rollcall-go/rollcall/internal/statelog"
)

// Options are what the owner of a Registrar decides.
type Options struct {
	HintsAlone bool // the reaper acts on hints alone: for the test of hints
}

// A Sink takes what a Registrar reports. Its methods are called while the registrar
// holds its mutex: they must not block, and must not call back.
type Sink interface {
	// StateChanged: a node has changed its state, and why. err has an *errdefs.NodeError.
	StateChanged(service keys.Service, node string, state lifecycle.State, err error)
	// Renewed: a round of renewals is over.
	Renewed(Round)
	// Reaped: nodes whose leases had run out were removed.
	Reaped(service keys.Service, nodes []string)
}

// A Round is what a round of renewals has done.
type Round struct {
	Calls, Nodes int
	Late, Took   time.Duration // since its first batch was due, until it began; and since then
	Err          error         // the first failure
}

// A Registrar is the write side of one registry. Make it with New.
type Registrar struct {
	*book
	renewer    *renewer
	reaper     *reaper
	cataloguer *cataloguer

	started bool            // book.mu guards it
	ctx     context.Context // of the actors
	cancel  context.CancelFunc
	actors  actor.Group
}

// New returns a Registrar that has nothing to do yet: the first Register starts its
// goroutines.
func New(c *redisconn.Conn, o Options, sink Sink) *Registrar {
	b := &book{
		c: c, sink: sink, hintsAlone: o.HintsAlone, services: map[keys.Service]*service{}, states: statelog.New(c.Log),
		refused: map[*node]bool{}, intervals: schedule.Tally{},
		renewals: actor.NewWake(), reaps: actor.NewWake(), listings: actor.NewWake(),
	}
	r := &Registrar{book: b, renewer: &renewer{book: b}, reaper: &reaper{book: b}, cataloguer: &cataloguer{book: b}}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	return r
}

// start starts the actors, once.
func (r *Registrar) start() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return errdefs.ErrClosed
	}
	if !r.started {
		r.started = true
		r.actors.Go(func() { r.renewer.run(r.ctx) })
		r.actors.Go(func() { r.reaper.run(r.ctx) })
		r.actors.Go(func() { r.cataloguer.run(r.ctx) })
	}
	return nil
}

// Withdraw deregisters everything, within ctx; no Register is taken any more. inside
// says that it is called from within a check, which it must not wait for.
func (r *Registrar) Withdraw(ctx context.Context, inside bool) error {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	return r.withdrawAll(ctx, inside)
}

// Stop ends the actors. Wait and WaitChecks wait for them, and for checks that are under
// way.
func (r *Registrar) Stop() { r.cancel() }

// Wait waits for the actors, but no longer than ctx.
func (r *Registrar) Wait(ctx context.Context) error {
	return r.actors.Wait(ctx, "a call of the registrar")
}

// WaitChecks waits for the checks, but no longer than ctx.
func (r *Registrar) WaitChecks(ctx context.Context) error {
	return r.renewer.checks.Wait(ctx, "a check")
}

// Expired has the reaper check a service at that time: a lease may have run out.
func (r *Registrar) Expired(k keys.Service, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.services[k]; s != nil {
		r.reapAt(s, at)
	}
}

// States counts the nodes that are registered here, by service and state.
func (r *Registrar) States() map[keys.Service]statelog.Counts {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.states.Counts()
}

// Namespaces returns those of the services that are registered here.
func (r *Registrar) Namespaces() (namespaces []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for k := range r.services {
		namespaces = append(namespaces, k.Namespace())
	}
	slices.Sort(namespaces)
	return slices.Compact(namespaces)
}
