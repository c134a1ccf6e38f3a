package registrar

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/actor"
	"github.com/rollcall-go/rollcall/internal/leases"
	"github.com/rollcall-go/rollcall/internal/logs"
	"github.com/rollcall-go/rollcall/internal/lua"
	"github.com/rollcall-go/rollcall/internal/redisconn"
	"github.com/rollcall-go/rollcall/internal/replica"
)

// Reapers of one service spread over this time after a lease end, so that one of
// them does the work and the others find it done.
const (
	reapSoonest = 50 * time.Millisecond
	reapLatest  = 700 * time.Millisecond
)

// reapLimit bounds one reap, so that a dead master does not keep the reaper from
// the services of others.
const reapLimit = time.Second

// A reaper removes nodes whose leases have run out, of the services that are registered
// here.
type reaper struct {
	*book
	swept logs.Trouble // indexes held foreign entries
}

// run is its goroutine. It sleeps until the next lease end that any
// answer of Redis showed, but looks often enough to keep in contact.
func (r *reaper) run(ctx context.Context) {
	for ctx.Err() == nil {
		s, next := r.nextReap(time.Now())
		if s == nil {
			r.reaps.Until(ctx, next)
			continue
		}
		limited, cancel := context.WithTimeout(ctx, min(reapLimit, r.c.Timeout()))
		again, err := r.reapService(limited, s)
		cancel()
		if err != nil && ctx.Err() == nil {
			r.c.Log.Debug(func(e *zerolog.Event) {
				e.Err(redisconn.Classify(err)).Str("namespace", s.keys.Namespace()).Str("service", s.keys.Name()).
					Msg("rollcall: looking for nodes that ran out failed")
			})
		}
		r.mu.Lock()
		switch {
		case !again.IsZero():
			r.reapAt(s, again)
		case err != nil:
			r.reapAt(s, time.Now().Add(s.ttl()/3+spread()))
		default:
			r.reapForNext(s, time.Now())
		}
		r.mu.Unlock()
	}
}

// nextReap returns the service to reap now, or when one will be due.
func (r *reaper) nextReap(now time.Time) (s *service, next time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for due := r.reaping.Take(now, 1); len(due) > 0; due = r.reaping.Take(now, 1) {
		if s := due[0]; len(s.nodes) > 0 { // else the next reply to a Register schedules it again
			return s, now
		}
	}
	return nil, actor.Sooner(now.Add(time.Hour), r.reaping.First())
}

// reapForNext schedules the reap of a service soon after its next lease end, at a time that
// is chosen once for it, but often enough to keep in contact. book.mu is held.
func (r *book) reapForNext(s *service, now time.Time) {
	if r.hintsAlone {
		return
	}
	at := s.clock.Last().Add(s.ttl() / 3)
	if !s.next.IsZero() {
		at = actor.Earlier(at, s.clock.Local(s.next))
	}
	if at.Before(now) {
		at = now
	}
	r.reapAt(s, at.Add(spread()))
}

// reapAt schedules the reap of a service for that time of ours. It is woken if it would
// sleep longer. book.mu is held.
func (r *book) reapAt(s *service, at time.Time) {
	s.reapFor = s.next
	if r.reaping.Set(s, at); r.reaping.First().Equal(at) {
		r.reaps.Signal()
	}
}

func spread() time.Duration { return reapSoonest + rand.N(reapLatest-reapSoonest) }

// reapService looks at the lease ends of a service and removes what ran out. It
// returns when to reap it again, or zero: at the next lease end.
func (r *reaper) reapService(ctx context.Context, s *service) (again time.Time, err error) {
	o, err := r.overdue(ctx, s)
	if err != nil {
		return again, err
	}
	if len(o.Foreign) > 0 {
		if err := r.sweep(ctx, s, o.Foreign); err != nil {
			return again, err
		}
	}
	r.mu.Lock()
	overdue, later := s.checkable(o.Lapses, time.Now())
	target := r.target(ctx, s)
	r.mu.Unlock()
	if len(o.Lapses)+len(o.Foreign) == lua.MaxNodes { // there may be more
		again = time.Now()
	}
	if !later.IsZero() {
		again = later.Add(spread())
	}
	if len(overdue) == 0 {
		return again, nil
	}
	// A reap that waits in a stopped Redis would remove all nodes that could not
	// renew there. A second after the answer that it is based on, it does nothing.
	target.Deadline = o.Now.Add(time.Second)
	sent := time.Now()
	res := lua.Reap(ctx, r.c, lua.ReapCall{Target: target, IDs: overdue})[0]
	r.noteReply(ctx, s, res, sent, time.Now())
	if res.Err != nil {
		return time.Now().Add(spread()), res.Err
	}
	var reaped []string
	for i, code := range res.Codes {
		if code == lua.Done {
			reaped = append(reaped, overdue[i])
		}
	}
	if len(reaped) > 0 {
		r.c.Log.Info(func(e *zerolog.Event) {
			e.Str("namespace", s.keys.Namespace()).Str("service", s.keys.Name()).Strs("nodes", reaped).Msg("rollcall: nodes ran out")
		})
		r.sink.Reaped(s.keys, reaped)
	}
	return again, nil
}

// checkable returns the nodes whose leases ended long enough ago, and when the first of
// the others will be checkable, or zero.
func (s *service) checkable(lapses []leases.Lapse, now time.Time) (overdue []string, later time.Time) {
	for _, l := range lapses {
		from := s.checkFrom(l.End)
		switch {
		case !from.After(now):
			overdue = append(overdue, l.ID)
		case later.IsZero() || from.Before(later):
			later = from
		}
	}
	s.deferred = !later.IsZero()
	return overdue, later
}

// sweep removes from the index what can be no node. It would keep reapers looking,
// and enough of it would hide from them the nodes that ran out.
func (r *reaper) sweep(ctx context.Context, s *service, foreign []any) error {
	removed, err := redisconn.Reply(ctx, r.c, r.c.ZRem(ctx, s.keys.Index(), foreign...))
	if removed > 0 {
		r.c.Log.Troubled(&r.swept, "", "rollcall: an index held foreign entries, and they were removed: another program writes this key",
			func(e *zerolog.Event) {
				e.Str("namespace", s.keys.Namespace()).Str("service", s.keys.Name()).Int64("entries", removed).Interface("one", foreign[0])
			})
	}
	return err
}

// overdue returns the leases that have ended by the index.
func (r *reaper) overdue(ctx context.Context, s *service) (leases.Overdue, error) {
	sent := time.Now()
	o, err := leases.ReadOverdue(ctx, r.c, s.keys, lua.MaxNodes)
	if err != nil {
		r.c.Reload(ctx)
		r.mu.Lock()
		defer r.mu.Unlock()
		s.clock.Failed()
		return o, err
	}
	master, received := r.c.Master(ctx, s.keys), time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answered(s, replica.Answer{Sent: sent, Received: received, Now: o.Now, Master: master})
	s.next = o.Next
	return o, nil
}
