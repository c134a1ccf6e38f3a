package registry

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/rollcall-go/rollcall/internal/actor"
	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/redisconn"
	"github.com/rollcall-go/rollcall/internal/replica"
)

// Watch returns a Watcher of one service or of many. Its Next returns one Create for each
// live node, and then every change, in order. The end of ctx ends the Watcher too: Next
// then returns the error of ctx. Watch itself returns when it has read the nodes, after
// Options.Timeout at the latest.
//
// WatchService sets the service, which need not exist yet; without it, all services of
// the namespace are watched. WatchNamespace("*") watches in all namespaces.
//
// Changes arrive by pub/sub, within about a millisecond. If pub/sub loses one, this is
// noticed within Options.PollInterval, and the difference is delivered. If the caller is
// slow, several changes of a node become one; the last state always arrives. While Redis
// is away, Next blocks; it continues by itself.
//
//	ErrInvalid      a name or namespace is wrong, or an option does not suit the server
//	ErrPermission   Redis refused the subscription or a read
//	ErrUnavailable  Redis did not answer in time
func (r *Redis) Watch(ctx context.Context, opts ...WatchOption) (_ Watcher, err error) {
	o := apply(opts)
	limited, op, err := r.begin(ctx, operation{op: "watch", namespace: o.namespace, service: o.service})
	if err != nil {
		return nil, err
	}
	defer op.end(&err)
	limited, cancel := context.WithTimeout(limited, op.c.o.Timeout) // ctx may last as long as the watch
	defer cancel()
	if err := checkText("Name", op.service); err != nil {
		return nil, err
	}
	if op.namespace != keys.AllNamespaces {
		if err := checkNamespace("Namespace", op.namespace); err != nil {
			return nil, err
		}
	}
	h, err := r.watching(op.c)
	if err != nil {
		return nil, err
	}
	w := newWatcher(ctx, h)
	w.service, w.many = op.service, op.service == "" || op.namespace == keys.AllNamespaces
	defer func() {
		if err != nil {
			w.Stop()
		}
	}()
	h.do(func() {
		if w.ctx.Err() != nil {
			return // what ends it has come before, and would leave all of it behind
		}
		if w.many {
			n := h.watchAll(op.namespace, w)
			w.detach = func() { h.unwatchAll(n, w) }
		} else {
			f := h.attach(op.c.Space.Service(op.namespace, op.service), w)
			w.detach = func() { h.detach(f, w) }
		}
	})
	select {
	case err := <-w.start:
		if err != nil {
			return nil, err
		}
		return w, nil
	case <-limited.Done():
		if why := w.why(); why != nil {
			return nil, fmt.Errorf("%w: %w", limited.Err(), why)
		}
		return nil, limited.Err()
	case <-h.ctx.Done():
		return nil, ErrClosed
	}
}

// A watcher is the Watcher of one Watch.
type watcher struct {
	h       *hub
	ctx     context.Context // of Watch; by Stop or Close it ends with their errors
	cancel  context.CancelCauseFunc
	service string     // "": every one
	many    bool       // of a namespace, or of all, which starts it; else its one feed does
	start   chan error // what Watch waits for: nil once it knows what stands
	detach  func()     // in the hub's goroutine

	mu      sync.Mutex
	pending []*Result
	full    int // so many are coalesced
	wake    actor.Wake
	begun   bool  // start was told
	lastErr error // why what is watched does not stand
}

// maxPending is how many results wait for a slow consumer before later ones
// take the place of earlier ones.
const maxPending = 1024

func newWatcher(ctx context.Context, h *hub) *watcher {
	ctx, cancel := context.WithCancelCause(ctx)
	w := &watcher{
		h: h, ctx: ctx, cancel: cancel, start: make(chan error, 1), detach: func() {},
		full: maxPending, wake: actor.NewWake(),
	}
	context.AfterFunc(ctx, func() { h.do(func() { w.detach() }) }) // also if nobody calls Next any more
	return w
}

// Next returns the next change. It blocks until there is one, Stop, the end of
// Watch's context or Close of the registry.
func (w *watcher) Next() (*Result, error) {
	for {
		// What ends the watch comes before what it has still to tell.
		if w.h.ctx.Err() != nil {
			w.cancel(ErrClosed)
		}
		if err := w.ctx.Err(); err != nil {
			if cause := context.Cause(w.ctx); cause == ErrWatcherStopped || cause == ErrClosed {
				return nil, cause
			}
			return nil, err
		}
		if res := w.take(); res != nil {
			return res, nil
		}
		select {
		case <-w.wake:
		case <-w.ctx.Done():
		case <-w.h.ctx.Done():
		}
	}
}

// Stop ends the watch and unblocks Next.
func (w *watcher) Stop() { w.cancel(ErrWatcherStopped) }

func (w *watcher) take() *Result {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.pending) == 0 {
		return nil
	}
	res := w.pending[0]
	w.pending = w.pending[1:]
	if len(w.pending) > 0 {
		w.wake.Signal()
	}
	return res
}

func (w *watcher) add(results ...*Result) {
	if len(results) == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pending = append(w.pending, results...)
	if len(w.pending) > w.full {
		w.pending = coalesce(w.pending)
		w.full = max(maxPending, 2*len(w.pending))
	}
	w.wake.Signal()
}

// stands tells of the nodes that a feed shows already.
func (w *watcher) stands(f *feed) {
	at := f.Replica.At()
	now := time.Now()
	if f.Clock.Known() {
		now = f.Clock.At(now)
	}
	for _, n := range f.Replica.Nodes() {
		w.add(result(f, Create, n, at, now))
	}
}

func (w *watcher) changed(f *feed, changes []replica.Change) {
	for _, c := range changes {
		w.add(results(f, c)...)
	}
}

func (w *watcher) fares(f *feed) {
	if !w.many {
		health := f.Health()
		w.started(health.Proven && health.Refused == nil, cmp.Or(health.Refused, health.Err))
	}
}

// started tells Watch, once, that what it watches stands, or that it is refused.
func (w *watcher) started(ready bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lastErr = err
	if w.begun || !ready && !redisconn.Hopeless(err) {
		return
	}
	w.begun = true
	if ready {
		err = nil
	}
	w.start <- err
}

func (w *watcher) why() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.lastErr
}
