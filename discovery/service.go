package discovery

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/registry"
)

// A service is one that the resolver follows. A goroutine of its own, follow, takes
// views from the source; picks read the table, and nothing else.
type service struct {
	r        *Resolver
	name     serviceName
	o        *options
	reporter *reporter
	follower registry.Follower
	disk     *disk // nil: no snapshots
	onDisk   copyOnDisk
	ctx      context.Context
	cancel   context.CancelFunc

	table atomic.Pointer[table]     // nil before the first view
	used  atomic.Bool               // since the resolver last looked for idle ones
	idle  time.Time                 // when it looked and found it in use; of sweep
	users atomic.Int64              // that keep it from being let go
	due   atomic.Pointer[[]*member] // ejected nodes to be probed; nil: none
	ring  atomic.Int64              // calls under way that Ring has picked for

	ejected atomic.Int64 // how many nodes are

	mu      sync.Mutex
	latest  *registry.View // of the source; nil before the first
	saved   time.Time      // when, if latest was read from disk
	shown   []*registry.Service
	seen    bool // the service has existed
	guard   guard
	err     error         // why there is no table yet
	changed chan struct{} // closed, and made anew, when table or err changes
	timer   *time.Timer   // builds anew when time alone changes something
	next    time.Time     // when that is; zero: never
	unseen  unseen
}

type serviceName struct{ namespace, name string }

func (n serviceName) String() string { return n.namespace + "/" + n.name }

func newService(r *Resolver, name serviceName, f registry.Follower) *service {
	s := &service{
		r: r, name: name, o: &r.o, reporter: r.reporter, disk: r.disk, follower: f, guard: guard{share: r.o.guard},
		idle: time.Now(), changed: make(chan struct{}),
	}
	s.ctx, s.cancel = context.WithCancel(r.ctx)
	s.timer = time.AfterFunc(time.Hour, s.rebuild)
	return s
}

// firstViewPatience is how long a first view may take before callers are told why there is
// none.
const firstViewPatience = 200 * time.Millisecond

// follow takes one view after the other, until the service is let go.
func (s *service) follow() {
	defer s.close()
	retry := backoff.NewExponentialBackOff(backoff.WithMaxInterval(5*time.Second), backoff.WithMaxElapsedTime(0))
	for s.ctx.Err() == nil {
		ctx, cancel := s.ctx, context.CancelFunc(func() {})
		if s.table.Load() == nil {
			patience := firstViewPatience
			if s.disk != nil && !s.onDisk.sought {
				patience = silence
			}
			ctx, cancel = context.WithTimeout(s.ctx, patience)
		}
		v, err := s.follower.Next(ctx)
		cancel()
		if s.ctx.Err() != nil {
			return
		}
		if err == nil && v == nil {
			err = invalid("Next of the source's Follower: nil")
		}
		if err != nil {
			s.restore(bare(err))
		}
		switch {
		case err == nil:
			retry.Reset()
			if s.update(v); s.unknown() {
				s.r.meet(s)
			}
		case errors.Is(err, registry.ErrClosed), errors.Is(err, registry.ErrWatcherStopped):
			s.lose(bare(err))
			<-s.ctx.Done()
		case errors.Is(err, context.DeadlineExceeded):
			s.lose(bare(err))
		default:
			s.lose(bare(err))
			wait(s.ctx, retry.NextBackOff())
		}
	}
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// unknown tells that the service is known not to exist, and that nobody waits for it.
func (s *service) unknown() bool {
	t := s.table.Load()
	return t != nil && t.unknown() && s.users.Load() == 0
}

// close ends what follow has started.
func (s *service) close() {
	s.follower.Stop()
	if s.disk != nil {
		s.disk.tasks.Go(func() {
			s.save(savedLast)
			s.disk.unwritten.Recovered(s.name.String()) // of no interest any more
		})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.timer.Stop()
}

// update takes a view of the source.
func (s *service) update(v *registry.View) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.saved.IsZero() && s.latest != nil && stillStale(s.latest, v) {
		return
	}
	s.latest, s.saved = v, time.Time{}
	s.build()
}

// stillStale tells that a view says nothing new: it is stale as the one before, for
// the same kind of reason. In an outage a source may fail many times.
func stillStale(before, v *registry.View) bool {
	return !v.StaleSince.IsZero() && v.StaleSince.Equal(before.StaleSince) && sameKind(v.Err, before.Err) &&
		v.Revision == before.Revision && v.History == before.History &&
		v.RefusedSince.Equal(before.RefusedSince) && sameKind(v.Refused, before.Refused) &&
		reflect.DeepEqual([]any{v.Services, v.Lapsed, v.Held}, []any{before.Services, before.Lapsed, before.Held})
}

// lose notes that the source tells nothing more: a view that stands grows stale, and
// who waits for the first hears why there is none.
func (s *service) lose(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.latest == nil {
		s.err = err
		s.tell()
		return
	}
	if v := *s.latest; v.StaleSince.IsZero() {
		v.StaleSince, v.Err = time.Now(), err
		s.latest = &v
		s.build()
	}
}

// rebuild makes a new table where the source has said nothing new.
func (s *service) rebuild() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.latest != nil && s.ctx.Err() == nil {
		s.build()
	}
}

// build makes a table of what is known. mu is held.
func (s *service) build() {
	now := time.Now()
	kept := s.guard.step(s.latest, s.calls(), now)
	v := &View{
		namespace: s.name.namespace, service: s.name.name,
		revision: s.latest.Revision, history: s.latest.History,
		staleSince: s.latest.StaleSince, err: s.latest.Err, held: s.latest.Held, guarded: kept.ids, saved: s.saved,
		refusedSince: s.latest.RefusedSince, refused: s.latest.Refused,
	}
	s.shown = kept.services
	s.onDisk.changed.Store(true)
	var warmer time.Time
	v.members, warmer = s.members(kept.services, now)
	next := sooner(sooner(kept.next, warmer), s.review(v.members, now))
	v.nodes = nodesOf(v.members)
	v.services = sync.OnceValue(func() map[*registry.Node]*registry.Service { return servicesOf(v.members) })
	t := newTable(v, s.o)
	s.seen = s.seen || !t.unknown()
	t.seen = s.seen
	s.table.Store(t)
	s.wake(next)
	s.err = nil
	s.tell()
	s.happened(ViewEvent{t.view})
}

// log has a line about the service written to the log.
func (s *service) log(level zerolog.Level, write func(*zerolog.Event)) {
	s.reporter.log(func(l *zerolog.Logger) {
		write(l.WithLevel(level).Str("namespace", s.r.namespace(s.name.namespace)).Str("service", s.name.name))
	})
}

// wake has the service built anew at a time; the zero time is never. mu is held.
func (s *service) wake(next time.Time) {
	s.next = next
	if !next.IsZero() && s.ctx.Err() == nil {
		s.timer.Reset(time.Until(next))
	}
}

// sooner is the earlier of two times, of which a zero one is never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// tell wakes those who wait for a change. mu is held.
func (s *service) tell() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// calls tells the guard of the calls to nodes. mu is held.
func (s *service) calls() calls {
	known := sync.OnceValue(s.states)
	return func(n *registry.Node) (answered time.Time, failing bool) {
		state := known()[nodeKey{n.ID, n.Address}]
		if state == nil {
			return answered, false
		}
		if at := state.health.answered.Load(); at != 0 {
			answered = start.Add(time.Duration(at))
		}
		return answered, state.health.fails.Load() >= s.o.ejection.tooMany()
	}
}

// states returns what calls have told of the nodes in the table. mu is held.
func (s *service) states() map[nodeKey]*nodeState {
	known := map[nodeKey]*nodeState{}
	if t := s.table.Load(); t != nil {
		for _, m := range t.view.members {
			known[nodeKey{m.ID, m.Address}] = m.state
		}
	}
	return known
}
