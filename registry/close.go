package registry

import (
	"context"
	"time"

	"github.com/rollcall-go/rollcall/internal/actor"
	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/internal/reporter"
)

// closeGrace is how long Close and Deregister take at most where their context is
// over before they begin.
const closeGrace = 2 * time.Second

// Close deregisters what this registry registered, stops every goroutine, and closes the
// client unless it was set by Client. It ends with ctx, or after Options.Timeout if ctx has no
// deadline. If ctx is over before, as after signal.NotifyContext, it takes up to 2 s, or
// Options.Timeout if that is shorter.
//
// If Redis is away, Close returns ErrUnavailable, and the nodes are gone when their leases
// end. It returns nil if no node has reached Redis.
// Close may be called many times: the first call does the work and returns its error, the
// others wait for it. Called from an OnState, a RegisterCheck or an Observer, it does not
// wait for that function.
func (r *Redis) Close(ctx context.Context) error {
	if ctx == nil {
		ctx = context.Background() // nothing must be left open for that
	}
	if !r.made() {
		return failure("close", "", "", errNotMade)
	}
	r.mu.Lock()
	c, again := r.conn, r.closed
	r.closed = true
	r.mu.Unlock()
	if c == nil {
		return nil
	}
	ctx, cancel := c.grace(ctx)
	defer cancel()
	inside := reporter.CalledOut()
	if again {
		if inside {
			return nil
		}
		select {
		case <-r.gone:
			return nil
		case <-ctx.Done():
			return failure("close", "", "", actor.StillRuns(ctx, "another Close"))
		}
	}
	defer close(r.gone)
	// With Redis away the deregistrations fail after a wait, but not for all of ctx: the actors
	// need some of it to end.
	deadline, _ := ctx.Deadline()
	limited, stop := context.WithTimeout(ctx, time.Until(deadline)*3/4)
	err := c.registrar.Withdraw(limited, inside)
	stop()
	c.registrar.Stop()
	c.informer.Stop()
	if !inside {
		err = errdefs.Join(err, c.registrar.Wait(ctx), c.informer.Wait(ctx))
	}
	err = errdefs.Join(err, c.Close())
	if !inside {
		err = errdefs.Join(err, c.registrar.WaitChecks(ctx), r.calls.Wait(ctx, "a call that was given up"),
			c.Log.Wait(ctx))
	}
	return failure("close", "", "", err)
}

// grace bounds a call that has something to withdraw: that must not fail because
// its context, which ended to stop the program, is done.
func (c *conn) grace(ctx context.Context) (context.Context, context.CancelFunc) {
	if ctx.Err() == nil {
		return c.Bound(ctx)
	}
	return context.WithTimeout(context.WithoutCancel(ctx), min(closeGrace, c.o.Timeout))
}
