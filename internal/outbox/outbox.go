// Package outbox makes calls of functions that may block, such as a logger or an
// observer of the user's, from a goroutine of their own and under no mutex, so that
// the code that has something to report never waits.
package outbox

import (
	"sync"
	"time"
)

// droppedEvery is how often Dropped is called at most.
const droppedEvery = time.Minute

// An Outbox makes the calls that are added, one at a time and in the order of Add.
// Its goroutine lives only while a call waits or runs. The zero value is ready.
type Outbox struct {
	Most    int         // how many calls may wait: the oldest are dropped; 0: no limit
	Dropped func(n int) // is called next in turn after n calls were dropped, once a minute at most; nil: none is called

	mu       sync.Mutex
	calls    []func()
	lost     int           // dropped since the last call of Dropped
	reported time.Time     // when Dropped was last called
	idle     chan struct{} // closed when the goroutine ends; nil: there is none
	ended    bool
}

// Add has call made after those before it. It never blocks.
func (o *Outbox) Add(call func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ended {
		return
	}
	if o.Most > 0 && len(o.calls) == o.Most {
		o.calls = o.calls[1:]
		o.lost++
	}
	o.calls = append(o.calls, call)
	if o.idle == nil {
		o.idle = make(chan struct{})
		go o.run() // ends with the calls
	}
}

func (o *Outbox) run() {
	for call := o.next(); call != nil; call = o.next() {
		call()
	}
}

// next returns the call to make now, or nil at the end of run.
func (o *Outbox) next() func() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if n := o.lost; n > 0 && o.Dropped != nil && time.Since(o.reported) >= droppedEvery {
		o.lost, o.reported = 0, time.Now()
		return func() { o.Dropped(n) }
	}
	if len(o.calls) == 0 {
		close(o.idle)
		o.calls, o.idle = nil, nil
		return nil
	}
	call := o.calls[0]
	o.calls = o.calls[1:]
	return call
}

// Idle returns a channel that is closed once no call waits or runs.
func (o *Outbox) Idle() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.idle != nil {
		return o.idle
	}
	idle := make(chan struct{})
	close(idle)
	return idle
}

// End drops the calls that wait, and ignores those that are added later. A call that
// runs goes on.
func (o *Outbox) End() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.calls, o.lost, o.ended = nil, 0, true
}
