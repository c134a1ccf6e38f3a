package registry

import "sync"

// A queue holds calls for one goroutine, in the order of add, as many as come.
type queue struct {
	mu    sync.Mutex
	calls []func()
	wake  chan struct{}
}

func newQueue() *queue { return &queue{wake: make(chan struct{}, 1)} }

// add never blocks.
func (q *queue) add(f func()) {
	q.mu.Lock()
	q.calls = append(q.calls, f)
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// drain makes the calls that were added, and tells whether there were any.
func (q *queue) drain() bool {
	q.mu.Lock()
	calls := q.calls
	q.calls = nil
	q.mu.Unlock()
	for _, f := range calls {
		f()
	}
	return len(calls) > 0
}
