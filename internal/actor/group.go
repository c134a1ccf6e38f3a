package actor

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
)

// A Group is goroutines, or calls, that can be waited for. The zero value is ready.
type Group struct {
	wait    sync.WaitGroup
	running atomic.Int64
}

// Go runs f in a goroutine of the group.
func (g *Group) Go(f func()) {
	done := g.Enter()
	go func() {
		defer done()
		f()
	}()
}

// Enter counts the caller as one of the group until it calls done.
func (g *Group) Enter() (done func()) {
	g.running.Add(1)
	g.wait.Add(1)
	return func() {
		g.running.Add(-1)
		g.wait.Done()
	}
}

// Wait waits until all of the group have ended, but no longer than ctx: the error then
// says what has not returned.
func (g *Group) Wait(ctx context.Context, what string) error {
	ended := make(chan struct{})
	go func() { // ends when the last of them does
		g.wait.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		if g.running.Load() == 0 {
			return nil
		}
		return StillRuns(ctx, what)
	}
}

// StillRuns says what has not ended in time.
func StillRuns(ctx context.Context, what string) error {
	return fmt.Errorf("%s has not returned: %w", what, context.Cause(ctx))
}
