package registry

import (
	"cmp"
	"context"
	"errors"
	"time"
)

// bound gives a call the registry's time-out where it brings none.
func (c *conn) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, c.o.Timeout)
}

// An operation is one call of the Registry interface under way.
type operation struct {
	op, namespace, service string
	prepare                func(*operation) error // reads what the caller may change once the call has returned; or nil

	c      *conn
	began  time.Time
	cancel context.CancelFunc
}

// begin connects, bounds a call and notes when it began. A namespace that the call
// does not name is the registry's.
func (r *Redis) begin(ctx context.Context, o operation) (context.Context, *operation, error) {
	c, err := r.connection()
	if err != nil {
		return nil, nil, failure(o.op, o.namespace, o.service, err)
	}
	o.namespace = cmp.Or(o.namespace, c.o.Namespace)
	o.c, o.began = c, time.Now()
	ctx, o.cancel = c.bound(ctx)
	return ctx, &o, nil
}

// end turns *err into the error that the caller sees, and tells the observer.
func (o *operation) end(err *error) {
	o.cancel()
	*err = failure(o.op, o.namespace, o.service, *err)
	o.c.observe(CallEvent{Op: o.op, Namespace: o.namespace, Service: o.service, Took: time.Since(o.began), Err: *err})
}

// apply returns what the options of one call set.
func apply[O any, F ~func(*O)](opts []F) (o O) {
	for _, opt := range opts {
		if opt != nil {
			opt(&o)
		}
	}
	return o
}

// lateAnswer is how long a call whose deadline has passed may take to say what it was
// waiting for.
const lateAnswer = 50 * time.Millisecond

// run makes a call. go-redis heeds the deadline of a context while it waits for Redis,
// but not its cancellation. So a call whose context may be cancelled runs in a goroutine
// of its own: cancelled, it is left to end by its deadline, and Close waits for it.
func run[T any](ctx context.Context, r *Redis, o operation, f func(context.Context, *operation) (T, error)) (result T, err error) {
	bounded, op, err := r.begin(ctx, o)
	if err != nil {
		return result, err
	}
	defer op.end(&err)
	if o.prepare != nil {
		if err := o.prepare(op); err != nil {
			return result, err
		}
	}
	if ctx.Done() == nil {
		return f(bounded, op)
	}
	type answer struct {
		result T
		err    error
	}
	answers := make(chan answer, 1)
	if err := r.aside(func() {
		result, err := f(bounded, op)
		answers <- answer{result, err}
	}); err != nil {
		return result, err
	}
	select {
	case a := <-answers:
		return a.result, a.err
	case <-ctx.Done():
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		select {
		case a := <-answers:
			return a.result, a.err
		case <-time.After(lateAnswer):
		}
	}
	return result, context.Cause(ctx)
}

// aside runs f in a goroutine that Close waits for.
func (r *Redis) aside(f func()) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return ErrClosed
	}
	r.calls.Go(f)
	return nil
}

func (c *conn) observe(e Event) {
	if c.o.Observe != nil {
		c.o.Observe(e)
	}
}
