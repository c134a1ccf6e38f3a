// Package actor holds what goroutines that own their state share: a wake-up, a queue of
// calls, a group that is waited for, and the waits between two tries.
//
//	Wake     wakes a goroutine
//	Queue    has a goroutine make calls, in order
//	Group    goroutines that Close waits for
//	Retries  the waits between failures
package actor

import (
	"context"
	"sync"
	"time"
)

// A Wake wakes one goroutine. Signals that come before it has woken count as one. Make it
// with NewWake.
type Wake chan struct{}

// NewWake returns a Wake that has not been signalled.
func NewWake() Wake { return make(Wake, 1) }

// Signal never blocks.
func (w Wake) Signal() {
	select {
	case w <- struct{}{}:
	default:
	}
}

// Until waits for that time of ours, a signal, or the end of ctx.
func (w Wake) Until(ctx context.Context, at time.Time) {
	t := time.NewTimer(time.Until(at))
	defer t.Stop()
	select {
	case <-t.C:
	case <-w:
	case <-ctx.Done():
	}
}

// A Queue holds calls for one goroutine, in the order of Add, as many as come. Make it
// with NewQueue.
type Queue struct {
	Wake // is signalled by Add

	mu    sync.Mutex
	calls []func()
}

// NewQueue returns an empty queue.
func NewQueue() *Queue { return &Queue{Wake: NewWake()} }

// Add never blocks.
func (q *Queue) Add(call func()) {
	q.mu.Lock()
	q.calls = append(q.calls, call)
	q.mu.Unlock()
	q.Signal()
}

// Drain makes the calls that were added, and reports whether there were any.
func (q *Queue) Drain() bool {
	q.mu.Lock()
	calls := q.calls
	q.calls = nil
	q.mu.Unlock()
	for _, call := range calls {
		call()
	}
	return len(calls) > 0
}
