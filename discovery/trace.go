package discovery

import (
	"context"
	"errors"

	"github.com/rollcall-go/rollcall/registry"
)

// A Tracer follows the calls of Do, Transport, DialContext and the Hertz middleware, each with
// its tries. Its methods are called in the goroutine of the call. Each returns the context that
// the call or the try goes on with, which must come from the one it gets, and a function that is
// called once, with the result. Neither may be nil. Pick and Broadcast are not followed.
//
// Package oteladapter, a module of its own, has a Tracer of OpenTelemetry.
type Tracer interface {
	// Call begins a call of a service. op is "call", or "dial" for DialContext.
	Call(ctx context.Context, op, namespace, service string) (context.Context, func(error))

	// Try begins a try of a call on a node; retry counts from 0. Classify says what the error
	// of its result means. The result of a Transport comes with the header of the response.
	Try(ctx context.Context, n *registry.Node, retry int) (context.Context, func(error))
}

// Trace sets a Tracer. Default, also for nil: none, at no cost.
func Trace(t Tracer) Option { return func(o *options) { o.tracer = t } }

var errPanicked = errors.New("the call panicked")

// traced does a job which the Tracer follows.
func (r *Resolver) traced(ctx context.Context, j job) (err error) {
	ctx, end := r.o.tracer.Call(ctx, j.op, r.namespace(ask(j.opts).namespace), j.service)
	err = errPanicked // if it panics
	defer func() { end(err) }()
	try, retry := j.try, 0
	j.try = func(ctx context.Context, p Picked) (err error) {
		ctx, end := r.o.tracer.Try(ctx, p.Node(), retry)
		retry++
		err = errPanicked
		defer func() { end(err) }()
		return try(ctx, p)
	}
	return r.untraced(ctx, j)
}
