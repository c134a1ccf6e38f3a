package lua

import (
	"context"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/keys"
)

// MaxNodes is how many nodes one call may name: more would hold Redis for over
// a millisecond.
const MaxNodes = 100

// A Target is the service that a call is about.
type Target struct {
	Service  keys.Service
	DB       int       // of the client: part of the channel's name
	Deadline time.Time // by Redis's clock: later, the script does nothing
	Nonce    string    // of this call, lower-case hex; renew needs none
}

// A Lease names one lease of one node, and the change under it that the caller
// knows of.
type Lease struct {
	ID    string // of the node, not escaped
	Token string // record.Lease
	Seq   uint64
	TTL   time.Duration // of the lease, for register and renew; renew may leave it out
}

// fence is what a script compares with the holder of the node.
func (l Lease) fence() string { return l.Token + " " + strconv.FormatUint(l.Seq, 10) }

// fenceTTL is fence with the TTL, in milliseconds.
func (l Lease) fenceTTL() string {
	return l.fence() + " " + strconv.FormatInt(l.TTL.Milliseconds(), 10)
}

// A Registration is what register writes for one node.
type Registration struct {
	Lease        // its TTL in whole milliseconds
	Data  []byte // the record
	APIs  []byte // the API document, or nil
}

// RegisterCall takes or refreshes the leases of up to MaxNodes nodes.
type RegisterCall struct {
	Target
	Exclusive bool
	Guess     bool // the leases were chosen by an estimate of Redis's clock: one that is ahead is Superseded
	Nodes     []Registration
}

// Register runs register.lua once for each call, all in one pipeline.
func Register(ctx context.Context, c redis.UniversalClient, calls ...RegisterCall) []Result {
	return runAll(ctx, c, calls, func(r RegisterCall) call {
		k, a := r.changing()
		a = append(a, flag(r.Exclusive)+2*flag(r.Guess))
		for _, n := range r.Nodes {
			k = append(k, r.Service.Node(n.ID))
			a = append(a, keys.EscapeID(n.ID), n.fenceTTL(), n.Data, n.APIs)
		}
		return call{register, k, a, len(r.Nodes)}
	})
}

// RenewCall extends the leases of up to MaxNodes nodes.
type RenewCall struct {
	Target
	Nodes []Lease
}

// ttl is the TTL that all nodes have, in milliseconds, or "".
func (r RenewCall) ttl() string {
	for _, n := range r.Nodes {
		if n.TTL == 0 || n.TTL != r.Nodes[0].TTL {
			return ""
		}
	}
	if len(r.Nodes) == 0 {
		return ""
	}
	return strconv.FormatInt(r.Nodes[0].TTL.Milliseconds(), 10)
}

// renewal is the beginning of the field lease of a node that can be renewed.
func (l Lease) renewal() string {
	if l.TTL == 0 {
		return l.fence()
	}
	return l.fenceTTL() + " "
}

// Renew runs renew.lua once for each call, all in one pipeline.
func Renew(ctx context.Context, c redis.UniversalClient, calls ...RenewCall) []Result {
	return runAll(ctx, c, calls, func(r RenewCall) call {
		k := []string{r.Service.Index(), r.Service.Version(), r.Service.Log()}
		a := []any{r.Deadline.UnixMicro(), r.ttl()}
		for _, n := range r.Nodes {
			k = append(k, r.Service.Node(n.ID))
			a = append(a, keys.EscapeID(n.ID), n.renewal())
		}
		return call{renew, k, a, len(r.Nodes)}
	})
}

// RenewNodes extends the leases of one call's nodes by their hashes alone, one
// script each: what works while a cluster moves their slot. It returns one
// result for each node, with one code.
func RenewNodes(ctx context.Context, c redis.UniversalClient, r RenewCall) []Result {
	return runAll(ctx, c, r.Nodes, func(n Lease) call {
		return call{renewNode, []string{r.Service.Node(n.ID)}, []any{r.Deadline.UnixMicro(), n.fence()}, 1}
	})
}

// By says whose act a deregistration is.
type By string

// Whose acts there are.
const (
	Self     By = "self"
	Operator By = "op"

	// Undo is Self, but only where the holder is this very lease: for a register
	// whose outcome is unknown.
	Undo By = "undo"
)

// An Act is whose act a deregistration is, and a note about it for the log: JSON in one line, at
// most 8,192 bytes; or "".
type Act struct {
	By   By
	Note string
}

// DeregisterCall ends the leases of up to MaxNodes nodes for good.
type DeregisterCall struct {
	Target
	Act
	Nodes []Lease
}

// Deregister runs deregister.lua once for each call, all in one pipeline.
func Deregister(ctx context.Context, c redis.UniversalClient, calls ...DeregisterCall) []Result {
	return runAll(ctx, c, calls, func(d DeregisterCall) call {
		k, a := d.changing()
		a = append(a, string(d.By), d.Note)
		for _, n := range d.Nodes {
			k = append(k, d.Service.Node(n.ID))
			a = append(a, keys.EscapeID(n.ID), n.fence())
		}
		return call{deregister, k, a, len(d.Nodes)}
	})
}

// ReapCall removes up to MaxNodes nodes whose leases have run out. Its Deadline
// is a second after the newest answer of Redis that the caller has.
type ReapCall struct {
	Target
	IDs []string
}

// Reap runs reap.lua once for each call, all in one pipeline.
func Reap(ctx context.Context, c redis.UniversalClient, calls ...ReapCall) []Result {
	return runAll(ctx, c, calls, func(r ReapCall) call {
		k, a := r.changing()
		for _, id := range r.IDs {
			k, a = append(k, r.Service.Node(id)), append(a, keys.EscapeID(id))
		}
		return call{reap, k, a, len(r.IDs)}
	})
}

// OverrideCall sets or undoes what an operator says of one node, or of all nodes of a
// service.
type OverrideCall struct {
	Target
	ID      string    // keys.AllNodes: of the service
	Until   time.Time // by Redis's clock, in whole milliseconds; zero: no end
	Bound   bool      // to the lease that holds the node now
	Note    string    // for the log, as in Act
	Aspects []Aspect
}

// An Aspect is one thing that an operator sets.
type Aspect struct {
	Name string // of bytes that keys.EscapeID leaves; "*" without JSON: undo all
	JSON []byte // in one line; nil undoes it
}

// Override runs override.lua once for each call, all in one pipeline.
func Override(ctx context.Context, c redis.UniversalClient, calls ...OverrideCall) []Result {
	return runAll(ctx, c, calls, func(o OverrideCall) call {
		k, a := o.changing()
		until := int64(0)
		if !o.Until.IsZero() {
			until = o.Until.UnixMilli()
		}
		a = append(a, keys.OverrideField(o.ID), until, flag(o.Bound), o.Note)
		for _, aspect := range o.Aspects {
			a = append(a, aspect.Name, aspect.JSON)
		}
		return call{override, append(k, o.Service.Override(), o.Service.Node(o.ID)), a, 1}
	})
}

// changing returns the keys and arguments that every script which makes changes
// begins with.
func (t Target) changing() (k []string, a []any) {
	return []string{t.Service.Index(), t.Service.Version(), t.Service.Log()},
		[]any{t.Deadline.UnixMicro(), t.Service.Events(t.DB), t.Nonce}
}

func runAll[T any](ctx context.Context, c redis.UniversalClient, in []T, build func(T) call) []Result {
	calls := make([]call, len(in))
	for i, v := range in {
		calls[i] = build(v)
	}
	return run(ctx, c, calls)
}

func flag(on bool) int {
	if on {
		return 1
	}
	return 0
}
