package registry

import (
	"cmp"
	"context"
	"fmt"
	"sync"

	"github.com/rollcall-go/rollcall/internal/actor"
	"github.com/rollcall-go/rollcall/internal/informer"
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
	w := newWatcher(ctx, op.c.informer)
	defer func() {
		if err != nil {
			w.Stop()
		}
	}()
	if err := w.attach(op.c.Space.Service(op.namespace, op.service)); err != nil {
		return nil, err
	}
	select {
	case err := <-w.start:
		if err != nil {
			return nil, err
		}
		return w, nil
	case <-limited.Done():
		if why := w.notReady(); why != nil {
			return nil, fmt.Errorf("%w: %w", limited.Err(), why)
		}
		return nil, limited.Err()
	case <-w.informer.Done():
		return nil, ErrClosed
	}
}

// A watcher is the Watcher of one Watch.
type watcher struct {
	informer *informer.Informer
	ctx      context.Context // of Watch; by Stop or Close it ends with their errors
	cancel   context.CancelCauseFunc
	many     bool       // it watches services that it has not named
	start    chan error // Watch waits for it: nil once all that it watches is known

	mu      sync.Mutex
	pending []*Result
	full    int // with so many pending, they are coalesced
	wake    actor.Wake
	started bool  // start has got its value
	lastErr error // why what is watched is not known
}

// maxPending is how many results wait for a slow consumer before later ones
// take the place of earlier ones.
const maxPending = 1024

func newWatcher(ctx context.Context, i *informer.Informer) *watcher {
	ctx, cancel := context.WithCancelCause(ctx)
	return &watcher{
		informer: i, ctx: ctx, cancel: cancel, start: make(chan error, 1),
		full: maxPending, wake: actor.NewWake(),
	}
}

// attach has the informer follow a service, or all of the namespace where the service
// has no name or the namespace is "*", until ctx ends: no call of Next may begin any
// more then.
func (w *watcher) attach(s keys.Service) (err error) {
	var attached *informer.Attachment
	if w.many = s.Name() == "" || s.Namespace() == keys.AllNamespaces; w.many {
		attached, err = w.informer.AttachAll(s.Namespace(), s.Name(), w)
	} else {
		attached, err = w.informer.Attach(s, w)
	}
	if err == nil {
		context.AfterFunc(w.ctx, attached.Detach)
	}
	return err
}

// Next returns the next change. It blocks until there is one, Stop, the end of
// Watch's context or Close of the registry.
func (w *watcher) Next() (*Result, error) {
	for {
		// The end of the watch comes before the results that are pending.
		if closed(w.informer.Done()) {
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
		case <-w.informer.Done():
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
	w.pending[0] = nil // it is the caller's alone
	if w.pending = w.pending[1:]; len(w.pending) > 0 {
		w.wake.Signal()
	} else {
		w.pending = nil
	}
	return res
}

func (w *watcher) add(results ...*Result) {
	if len(results) == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.pending) == 0 { // those of a first state can be many, and each is of another node
		w.full = max(maxPending, 2*len(results))
	}
	w.pending = append(w.pending, results...)
	if len(w.pending) > w.full {
		w.pending = coalesce(w.pending)
		w.full = max(maxPending, 2*len(w.pending))
	}
	w.wake.Signal()
}

// Initial adds the nodes that are known already.
func (w *watcher) Initial(f *informer.Feed) {
	at, now := f.At(), f.Now()
	nodes := f.Nodes()
	all := make([]*Result, len(nodes))
	for i, n := range nodes {
		all[i] = result(f, Create, n, at, now)
	}
	w.add(all...)
}

// Changed adds the results of changes.
func (w *watcher) Changed(f *informer.Feed, changes []replica.Change) {
	all := make([]*Result, 0, len(changes))
	for _, c := range changes {
		all = append(all, results(f, c)...)
	}
	w.add(all...)
}

// HealthChanged has Watch return when the one service that it watches is known.
func (w *watcher) HealthChanged(f *informer.Feed) {
	if !w.many {
		health := f.Health()
		w.ready(health.Proven && health.Refused == nil, cmp.Or(health.Refused, health.Err))
	}
}

// Listed has Watch return when all services that it watches are known.
func (w *watcher) Listed(known bool, err error) { w.ready(known, err) }

// ready has Watch return, once: when what it watches is known, or cannot be.
func (w *watcher) ready(known bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lastErr = err
	if w.started || !known && !redisconn.Hopeless(err) {
		return
	}
	w.started = true
	if known {
		err = nil
	}
	w.start <- err
}

// notReady returns why what is watched is not known.
func (w *watcher) notReady() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.lastErr
}
