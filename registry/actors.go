package registry

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// actors are the goroutines of one registry. They start with the first Register
// and end with Close:
//
//	keeper     renews leases, registers again what was lost, delivers goodbyes
//	reaper     removes nodes of the same services whose leases ran out
//	cataloguer keeps the lists of services and namespaces fresh
//	reporter   calls OnState and the observer of states
//
// Checks run in goroutines of the keeper's.
type actors struct {
	cancel   context.CancelFunc
	done     sync.WaitGroup
	renewals chan struct{} // wakes the keeper
	reaps    chan struct{} // wakes the reaper
	listings chan struct{} // wakes the cataloguer
	reports  *queue
}

// start starts the actors, once.
func (r *Redis) start(c *conn) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return ErrClosed
	}
	if r.actors != nil {
		return nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	a := &actors{
		cancel:   cancel,
		renewals: make(chan struct{}, 1),
		reaps:    make(chan struct{}, 1),
		listings: make(chan struct{}, 1),
		reports:  &queue{wake: make(chan struct{}, 1)},
	}
	r.actors = a
	a.done.Go(func() { r.keepAlive(ctx, c, a) })
	a.done.Go(func() { r.reap(ctx, c, a) })
	a.done.Go(func() { r.catalogue(ctx, c, a) })
	a.done.Go(func() { a.reports.run(ctx) })
	return nil
}

// wake has an actor look again. It never blocks.
func (*actors) wake(actor chan struct{}) {
	select {
	case actor <- struct{}{}:
	default:
	}
}

// close ends the actors and waits for them, but no longer than ctx.
func (a *actors) close(ctx context.Context) error {
	a.cancel()
	ended := make(chan struct{})
	go func() { // ends when the last actor does
		a.done.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return errors.Join(errors.New("a check, an OnState or a call to redis has not returned"), context.Cause(ctx))
	}
}

// until waits for a time of ours, a wake-up, or the end of ctx.
func until(ctx context.Context, at time.Time, wake <-chan struct{}) {
	t := time.NewTimer(time.Until(at))
	defer t.Stop()
	select {
	case <-t.C:
	case <-wake:
	case <-ctx.Done():
	}
}

// A queue calls functions one after the other, in the order of add.
type queue struct {
	mu    sync.Mutex
	calls []func()
	wake  chan struct{}
}

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

// run calls what is added until ctx ends, and then what is left.
func (q *queue) run(ctx context.Context) {
	for {
		q.mu.Lock()
		calls := q.calls
		q.calls = nil
		q.mu.Unlock()
		for _, f := range calls {
			f()
		}
		if len(calls) > 0 {
			continue
		}
		if ctx.Err() != nil {
			return
		}
		select {
		case <-q.wake:
		case <-ctx.Done():
		}
	}
}

// retries is how a batch of this interval is tried again after a failure: soon,
// then slower, without end, and never later than an interval, to which the
// randomised maximum comes out.
func retries(interval time.Duration) *backoff.ExponentialBackOff {
	return backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(min(interval/10, 200*time.Millisecond)),
		backoff.WithMaxInterval(time.Duration(float64(interval)/(1+backoff.DefaultRandomizationFactor))),
		backoff.WithMaxElapsedTime(0),
	)
}

// errLost says for how long a lease could not be renewed.
func errLost(ttl time.Duration, err error) error {
	return fmt.Errorf("no renewal for a TTL of %v: %w", ttl, err)
}
