package views

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/actor"
	"github.com/rollcall-go/rollcall/internal/balance"
	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/internal/guard"
	"github.com/rollcall-go/rollcall/internal/listed"
	"github.com/rollcall-go/rollcall/internal/savedviews"
	"github.com/rollcall-go/rollcall/internal/tally"
	"github.com/rollcall-go/rollcall/registry"
)

// A Service is one that the hub follows. Its goroutine, follow, takes views from the source.
// Picks read the table, and nothing else.
type Service struct {
	hub      *Hub
	name     listed.Name
	since    time.Time // when it was followed
	follower registry.Follower
	file     *savedviews.Copy // nil: nothing is saved
	sought   bool             // the file was read, or there is none that can be used; of follow
	ctx      context.Context
	cancel   context.CancelFunc

	table   atomic.Pointer[Table] // nil before the first view
	begun   tally.Calls
	used    atomic.Bool               // since the hub last looked for idle services
	idle    time.Time                 // when it looked and found it in use; of sweep
	users   atomic.Int64              // that keep it from being let go
	due     atomic.Pointer[[]*Member] // ejected nodes to be probed; nil: none
	bounded atomic.Int64              // calls under way that Ring has picked for
	ejected atomic.Int64              // how many nodes are

	tally.Tally

	mu      sync.Mutex
	latest  *registry.View // of the source; nil before the first
	saved   time.Time      // when, if latest was read from a file
	shown   []*registry.Service
	known   bool // the service has existed
	guard   guard.Guard
	crew    crew
	err     error         // why there is no table yet
	changed chan struct{} // closed, and made anew, when table or err changes
	timer   *time.Timer   // builds anew when time alone changes something
	next    time.Time     // when that is; zero: never
	unseen  unseen
}

func newService(h *Hub, name listed.Name, f registry.Follower) *Service {
	s := &Service{
		hub: h, name: name, since: time.Now(), follower: f, guard: guard.Guard{Share: h.c.Guard},
		idle: time.Now(), changed: make(chan struct{}),
	}
	if h.folder != nil {
		s.file = h.folder.Copy(name, s.snapshot, s.label)
	}
	s.ctx, s.cancel = context.WithCancel(h.ctx)
	s.timer = time.AfterFunc(time.Hour, s.rebuild)
	return s
}

// firstViewPatience is how long a first view may take before callers get the reason why
// there is none.
const firstViewPatience = 200 * time.Millisecond

// follow takes one view after the other, until the service is let go.
func (s *Service) follow() {
	defer s.close()
	retry := backoff.NewExponentialBackOff(backoff.WithMaxInterval(5*time.Second), backoff.WithMaxElapsedTime(0))
	pause := actor.NewWake() // that is never signalled
	for s.ctx.Err() == nil {
		ctx, cancel := s.ctx, context.CancelFunc(func() {})
		if s.table.Load() == nil {
			patience := firstViewPatience
			if s.file != nil && !s.sought {
				patience = savedviews.Patience
			}
			ctx, cancel = context.WithTimeout(s.ctx, patience)
		}
		v, err := s.follower.Next(ctx)
		cancel()
		if s.ctx.Err() != nil {
			return
		}
		if err == nil && v == nil {
			err = errdefs.Invalid("Next of the source's Follower", "nil")
		}
		if err != nil {
			s.restore(Bare(err))
		}
		switch {
		case err == nil:
			retry.Reset()
			if s.update(v); s.unknown() {
				s.hub.meet(s)
			}
		case errors.Is(err, registry.ErrClosed), errors.Is(err, registry.ErrWatcherStopped):
			s.lose(Bare(err))
			<-s.ctx.Done()
		case errors.Is(err, context.DeadlineExceeded):
			s.lose(Bare(err))
		default:
			s.lose(Bare(err))
			pause.Until(s.ctx, time.Now().Add(retry.NextBackOff()))
		}
	}
}

// unknown says whether the service is known not to exist, and no call waits for it.
func (s *Service) unknown() bool {
	t := s.table.Load()
	return t != nil && t.Unknown() && s.users.Load() == 0
}

// close ends what follow has started.
func (s *Service) close() {
	s.follower.Stop()
	if s.file != nil {
		s.file.Last()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.timer.Stop()
}

// update takes a view of the source.
func (s *Service) update(v *registry.View) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.saved.IsZero() && s.latest != nil && stillStale(s.latest, v) {
		return
	}
	s.latest, s.saved = v, time.Time{}
	s.build()
}

// stillStale says whether a view is stale as the one before, for the same kind of reason: in
// an outage a source may fail many times.
func stillStale(before, v *registry.View) bool {
	return !v.StaleSince.IsZero() && v.StaleSince.Equal(before.StaleSince) && errdefs.SameKind(v.Err, before.Err) &&
		v.Revision == before.Revision && v.History == before.History &&
		v.RefusedSince.Equal(before.RefusedSince) && errdefs.SameKind(v.Refused, before.Refused) &&
		reflect.DeepEqual([]any{v.Services, v.Lapsed, v.Held}, []any{before.Services, before.Lapsed, before.Held})
}

// lose notes that the source has failed: a view becomes stale, and callers that wait for
// the first one get the reason.
func (s *Service) lose(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.latest == nil {
		s.err = err
		s.notify()
		return
	}
	if v := *s.latest; v.StaleSince.IsZero() {
		v.StaleSince, v.Err = time.Now(), err
		s.latest = &v
		s.build()
	}
}

// rebuild makes a new table although the source has no new view.
func (s *Service) rebuild() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.latest != nil && s.ctx.Err() == nil {
		s.build()
	}
}

// build makes a table of what is known. mu is held.
func (s *Service) build() {
	now := time.Now()
	kept := s.guard.Step(s.latest, s.calls(), now)
	warmer := s.enlist(kept.Services, now)
	v := &View{
		Name: s.name, Members: s.crew.members, Nodes: s.crew.nodes,
		Revision: s.latest.Revision, History: s.latest.History,
		StaleSince: s.latest.StaleSince, Err: s.latest.Err, Held: s.latest.Held, Guarded: kept.Kept, Saved: s.saved,
		RefusedSince: s.latest.RefusedSince, Refused: s.latest.Refused,
		Versions: sync.OnceValue(func() map[*registry.Node]*registry.Service { return versionsOf(kept.Services) }),
	}
	s.shown = kept.Services
	if s.file != nil {
		s.file.Changed()
	}
	next := actor.Sooner(actor.Sooner(kept.Next, warmer), s.review(v.Members, now))
	v.sound = s.crew.withdrawn == 0 && s.ejected.Load() == 0
	t := newTable(v, &s.hub.c, s.table.Load())
	s.known = s.known || !t.Unknown()
	t.known = s.known
	s.table.Store(t)
	s.Views.Add(1)
	s.wake(next)
	s.err = nil
	s.notify()
	s.viewed(&t.Set)
}

// log has a line about the service written to the log.
func (s *Service) log(level zerolog.Level, write func(*zerolog.Event)) {
	s.hub.reporter.log(func(l *zerolog.Logger) { write(l.WithLevel(level).Func(s.label)) })
}

// label adds the service to a line of the log.
func (s *Service) label(e *zerolog.Event) {
	e.Str("namespace", s.hub.c.Namespace(s.name.Namespace)).Str("service", s.name.Service)
}

// wake has the service built anew at a time; the zero time is never. mu is held.
func (s *Service) wake(next time.Time) {
	s.next = next
	if !next.IsZero() && s.ctx.Err() == nil {
		s.timer.Reset(time.Until(next))
	}
}

// notify wakes those who wait for a change. mu is held.
func (s *Service) notify() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// calls returns what the guard asks of calls to nodes. mu is held.
func (s *Service) calls() guard.Calls {
	states := sync.OnceValue(func() map[nodeKey]*state { // for nodes whose leases have ended: nearly always there is none
		of := make(map[nodeKey]*state, len(s.crew.members))
		for _, m := range s.crew.members {
			of[keyOf(m.Node)] = m.state
		}
		return of
	})
	return func(n *registry.Node) (answered time.Time, failing bool) {
		state := states()[keyOf(n)]
		if state == nil {
			return answered, false
		}
		if at := state.answered.Load(); at != 0 {
			answered = balance.At(time.Duration(at))
		}
		return answered, state.ejection.Failing(s.hub.c.Ejection)
	}
}
