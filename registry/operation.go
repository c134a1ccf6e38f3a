package registry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/rollcall-go/rollcall/internal/actor"
	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/internal/redisconn"
)

// An operation is one call of the Registry interface under way.
type operation struct {
	op, namespace, service string
	prepare                func(*operation) error // reads what the caller may change once the call has returned; or nil
	withdraws              bool                   // it takes a grace where its context is over

	c       *conn
	began   time.Time
	cancel  context.CancelFunc
	decided *atomic.Bool // whether the caller gets the answer, or has given up
	traced  func(error)  // of the Tracer, or nil
}

var errNoContext = errdefs.Invalid("Context", "is nil: use context.Background")

// begin connects, bounds a call and notes when it began. A namespace that the call
// does not name is the registry's.
func (r *Redis) begin(ctx context.Context, o operation) (context.Context, *operation, error) {
	if ctx == nil {
		return nil, nil, failure(o.op, o.namespace, o.service, errNoContext)
	}
	c, err := r.connection()
	if err != nil {
		return nil, nil, failure(o.op, o.namespace, o.service, err)
	}
	o.namespace = cmp.Or(o.namespace, c.o.Namespace)
	o.c, o.began, o.decided = c, time.Now(), new(atomic.Bool)
	if c.o.Trace != nil {
		ctx, o.traced = c.o.Trace(ctx, o.op, o.namespace, o.service)
	}
	limit := c.Bound
	if o.withdraws {
		limit = c.grace
	}
	ctx, o.cancel = limit(ctx)
	return ctx, &o, nil
}

// end turns *err into the error that the caller sees, and calls the observer.
func (o *operation) end(err *error) {
	o.cancel()
	*err = failure(o.op, o.namespace, o.service, o.c.Located(*err, o.namespace, o.service))
	observe(o.c, CallEvent{Op: o.op, Namespace: o.namespace, Service: o.service, Took: time.Since(o.began), Err: *err})
	if o.traced != nil {
		o.traced(*err)
	}
}

// conclude decides, once, whether the caller gets the answer or gives up: it is for the
// first of the two that calls it.
func (o *operation) conclude() bool { return o.decided.CompareAndSwap(false, true) }

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

// run makes a call. go-redis respects the deadline of a context while it waits for Redis,
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
	if over := context.Cause(ctx); over != nil && o.withdraws {
		ctx = bounded
		defer func() {
			if err != nil {
				err = fmt.Errorf("%w; the context of the call was over before: %w", redisconn.Classify(err), over)
			}
		}()
	}
	if ctx.Done() == nil {
		return f(bounded, op)
	}
	type answer struct {
		result T
		err    error
	}
	answers := make(chan answer, 1)
	if err := r.aside(&r.calls, func() {
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
	if !op.conclude() { // the answer is decided, and comes now
		a := <-answers
		return a.result, a.err
	}
	return result, context.Cause(ctx)
}

// aside runs f in a goroutine of a group that Close waits for.
func (r *Redis) aside(g *actor.Group, f func()) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return ErrClosed
	}
	g.Go(f)
	return nil
}
