package registry

import (
	"cmp"
	"context"

	"github.com/rollcall-go/rollcall/internal/registrar"
)

// Register announces the nodes of s and renews their leases until Deregister or
// Close. Redis sees it or refuses it before Register returns:
//
//	ErrInvalid      something is wrong with s or the options, or these do not suit
//	                the server; nothing was written
//	ErrConflict     RegisterExclusive, and another process lives under an ID
//	ErrSuperseded   a newer lease or an operator has taken an ID since this
//	                registry registered it; Deregister, then Register again
//	ErrUnavailable  Redis did not answer in time
//	ErrPermission   Redis refused the user or a command
//
// A first registration that fails leaves nothing behind, unless RegisterRetry
// is given. That holds for a context that ends while Redis answers, too: Register
// returns its error, and what was registered is withdrawn. Once registered, new
// data that could not be delivered is delivered by the next renewal that
// succeeds. The options of the newest call are in force, whatever it returned.
func (r *Redis) Register(ctx context.Context, s *Service, opts ...RegisterOption) error {
	o := apply(opts)
	call := operation{op: "register", namespace: o.namespace}
	if s != nil {
		call.namespace, call.service = cmp.Or(o.namespace, s.Namespace), s.Name
	}
	var p *registrar.Plan
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
