package informer

import (
	"context"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/rollcall-go/rollcall/internal/actor"
	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/logs"
	"github.com/rollcall-go/rollcall/internal/redisconn"
	"github.com/rollcall-go/rollcall/internal/replica"
	"github.com/rollcall-go/rollcall/internal/schedule"
)

// Options are the settings of an Informer. Poll and TTL must be set.
type Options struct {
	// Poll is the longest time between two polls of a service.
	Poll time.Duration

	// TTL is how contact with Redis is measured where a service shows no node.
	TTL time.Duration

	// VacantFor is how long AttachAll follows a service without nodes. 0 means 30 s.
	VacantFor time.Duration

	// EnableHints has Redis send keyspace events where it does not yet, and IgnoreHints
	// has the informer not listen to them. By default it listens where Redis sends them.
	EnableHints, IgnoreHints bool

	// Expired is called for each keyspace event of a node that has expired, with the
	// time, shortly after now, when to look at the service. Namespaces returns the
	// namespaces that it wants events of, besides those of the services that are
	// followed. Both may be nil. They must not block.
	Expired    func(service keys.Service, at time.Time)
	Namespaces func() []string

	// Sink takes reports. It may be nil.
	Sink Sink
}

// An Informer follows services. Make it with New.
type Informer struct {
	c   *redisconn.Conn
	o   Options
	ctx context.Context // ends with Stop

	mu      sync.Mutex // guards the two below
	started bool
	cancel  context.CancelFunc

	tasks actor.Group  // the goroutines: the loop, the keyspace events and the calls to Redis
	inbox *actor.Queue // calls for the loop

	loop // the state of the loop's goroutine
}

// New returns an informer that has not started. It needs no Stop before it has.
func New(c *redisconn.Conn, o Options) *Informer {
	ctx, cancel := context.WithCancel(context.Background())
	if o.Sink == nil {
		o.Sink = silent{}
	}
	return &Informer{
		c: c, o: o, ctx: ctx, cancel: cancel, inbox: actor.NewQueue(),
		loop: loop{
			feeds: map[string]*Feed{}, watches: map[channel]*namespaceWatch{},
			snapshotSlots: make(chan struct{}, maxSnapshots),
			failBackoff:   actor.Retries(o.Poll),
			lossBackoff:   backoff.NewExponentialBackOff(backoff.WithInitialInterval(o.Poll), backoff.WithMaxElapsedTime(0)),
		},
	}
}

// loop is the state that only the loop's goroutine uses.
type loop struct {
	feeds    map[string]*Feed            // by channel
	watches  map[channel]*namespaceWatch // by pattern
	schedule schedule.Schedule[*Feed]    // the feeds, by when they have something to do
	due      time.Time                   // when the loop has something to do

	sub         *subscription // nil while there is none
	session     int           // grows with each subscription: signals of an older one are dropped
	subscribeAt time.Time     // when to make the next one; zero while there is one
	failBackoff *backoff.ExponentialBackOff
	lossBackoff *backoff.ExponentialBackOff // between subscriptions that lost events
	lossAfter   time.Time                   // until then, no subscription is replaced because it lost events
	refused     logs.Trouble                // channels that Redis refuses

	snapshotSlots chan struct{} // limits the snapshots that run at once
}

// Start starts the goroutines, once. Attach does so as well; Start alone is for
// Options.Expired. ErrClosed after Stop.
func (i *Informer) Start() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.ctx.Err() != nil {
		return errdefs.ErrClosed
	}
	if i.started {
		return nil
	}
	i.started = true
	i.tasks.Go(i.run)
	if !i.o.IgnoreHints {
		h := &hints{i: i, subs: map[string]*hintSubscription{}, checkAt: map[string]time.Time{}}
		i.tasks.Go(h.run)
	}
	return nil
}

// Stop ends the informer: listeners are not called any more. It does not wait.
func (i *Informer) Stop() {
	i.mu.Lock() // nothing may start afterwards
	defer i.mu.Unlock()
	i.cancel()
}

// Done is closed by Stop.
func (i *Informer) Done() <-chan struct{} { return i.ctx.Done() }

// Wait waits, after Stop, until all goroutines have ended, but no longer than ctx.
func (i *Informer) Wait(ctx context.Context) error { return i.tasks.Wait(ctx, "a read for watches") }

// A Listener receives the changes of the services that it is attached to. The loop's
// goroutine calls it: it must not block.
type Listener interface {
	Initial(f *Feed)                           // once for each service, with the nodes that are known already
	Changed(f *Feed, changes []replica.Change) // in order
	HealthChanged(f *Feed)                     // and once after Initial
}

// A NamespaceListener is attached to all services of a namespace.
type NamespaceListener interface {
	Listener

	// Listed reports whether the services of the namespace are known, and why not.
	Listed(known bool, err error)
}

// An Attachment connects a listener to one service, or to those of a namespace.
type Attachment struct {
	i      *Informer
	feed   *Feed  // of Attach; set and used in the loop's goroutine
	detach func() // in the loop's goroutine
}

// Attach has l follow a service, which need not exist yet. ErrClosed after Stop.
func (i *Informer) Attach(service keys.Service, l Listener) (*Attachment, error) {
	if err := i.Start(); err != nil {
		return nil, err
	}
	a := &Attachment{i: i}
	i.do(func() {
		a.feed = i.attach(service, l)
		a.detach = func() { i.detach(a.feed, l) }
	})
	return a, nil
}

// AttachAll has l follow every service of a namespace, or of all for
// keys.AllNamespaces. Where name is not empty, only services of that name. ErrClosed
// after Stop.
func (i *Informer) AttachAll(namespace, name string, l NamespaceListener) (*Attachment, error) {
	if err := i.Start(); err != nil {
		return nil, err
	}
	a := &Attachment{i: i}
	i.do(func() {
		n := i.watchNamespace(namespace, name, l)
		a.detach = func() { i.unwatchNamespace(n, l) }
	})
	return a, nil
}

// Detach ends it. It may be called many times, and returns at once: the listener may be
// called once more meanwhile.
func (a *Attachment) Detach() { a.i.do(func() { a.detach() }) }

// See calls read in the loop's goroutine, where the feed does not change meanwhile, and
// returns after that. It is for attachments of Attach. ErrClosed after Stop.
func (a *Attachment) See(read func(*Feed)) error {
	return a.i.call(func() { read(a.feed) })
}

// do has f called in the loop's goroutine.
func (i *Informer) do(f func()) { i.inbox.Add(f) }

// call has f called in the loop's goroutine, and waits for it. ErrClosed after Stop.
func (i *Informer) call(f func()) error {
	called := make(chan struct{})
	i.do(func() {
		f()
		close(called)
	})
	select {
	case <-called:
		return nil
	case <-i.ctx.Done():
		return errdefs.ErrClosed
	}
}
