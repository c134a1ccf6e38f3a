package registrar

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/actor"
	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/internal/lifecycle"
	"github.com/rollcall-go/rollcall/internal/reporter"
)

// runCheck runs a batch's check. Failing, it withholds renewal until it is due again.
func (r *renewer) runCheck(ctx context.Context, b *batch) {
	limited, cancel := context.WithTimeout(ctx, b.key.interval/3)
	defer cancel()
	err := r.callCheck(limited, b.check)
	if err == nil {
		err = limited.Err()
	}
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	due := now.Add(actor.Shortened(b.key.interval))
	if err == nil {
		b.checkState, due = checkPassed, now
	} else {
		b.checkState = checkIdle
		r.withhold(b, err)
		r.logChanges()
	}
	if !b.forgotten() {
		r.dueAt(b, time.Time{}, due)
	}
}

// callCheck asks a check of the user's. A check that panics has failed: it says that
// something is wrong with what it looks at.
func (r *renewer) callCheck(ctx context.Context, check func(context.Context) error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("the check panicked: %v", v)
			stack := string(debug.Stack())
			r.c.Log.Troubled(&r.panics, "", "rollcall: a RegisterCheck panicked, which counts as a failure: leases are not renewed until it passes",
				func(e *zerolog.Event) { e.Str("panic", fmt.Sprint(v)).Str("stack", stack) })
		}
	}()
	reporter.CallOut(func() { err = check(ctx) })
	return err
}

// withhold notes that a batch is not renewed because of its check.
func (r *renewer) withhold(b *batch, err error) {
	for _, n := range b.nodes {
		r.happens(n, lifecycle.CheckFailed, fmt.Errorf("%w: %w", errdefs.ErrCheck, err))
	}
}

// checkNow calls a check, which may ignore its context.
func (r *renewer) checkNow(ctx context.Context, check func(context.Context) error) error {
	if check == nil {
		return nil
	}
	said := make(chan error, 1)
	r.checks.Go(func() { said <- r.callCheck(ctx, check) })
	select {
	case err := <-said:
		if err != nil {
			return fmt.Errorf("%w: %w", errdefs.ErrCheck, err)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w: it has not returned: %w", errdefs.ErrCheck, context.Cause(ctx))
	}
}
