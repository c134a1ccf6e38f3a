package registry

import (
	"cmp"
	"context"

	"github.com/rollcall-go/rollcall/internal/plan"
)

// Register registers the nodes of s and renews their leases until Deregister or Close. When it
// returns nil, the nodes are in Redis; with RegisterRetry they may get there later.
//
//	ErrInvalid      something is wrong with s or the options, or the options do not suit
//	                the server; nothing was written
//	ErrConflict     with RegisterExclusive: another process holds a live lease of an ID
//	ErrSuperseded   another process has taken a newer lease of an ID, or an operator has
//	                removed the node; call Deregister, then Register again
//	ErrUnavailable  Redis did not answer in time
//	ErrPermission   Redis refused the user or a command
//
// If the first Register of a node fails, nothing is left behind, unless RegisterRetry is given.
// This holds also if ctx ends before Redis has answered: Register returns the error of ctx,
// and removes the node. If a later Register fails to write new data, the next renewal that
// succeeds writes it. The options of the newest call are used, whatever it returned.
func (r *Redis) Register(ctx context.Context, s *Service, opts ...RegisterOption) error {
	o := apply(opts)
	call := operation{op: "register", namespace: o.namespace}
	if s != nil {
		call.namespace, call.service = cmp.Or(o.namespace, s.Namespace), s.Name
	}
	var p *plan.Plan
	call.prepare = func(op *operation) (err error) {
		p, err = newPlan(s, o, op.c.o, op.c.Space)
		return err
	}
	_, err := run(ctx, r, call, func(ctx context.Context, op *operation) (struct{}, error) {
		if err := op.c.informer.Start(); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, op.c.registrar.Register(ctx, p, op.conclude)
	})
	return err
}
