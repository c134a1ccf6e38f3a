package discovery

import (
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/logs"
)

// The defaults of Ejection.
const (
	DefaultFailures    = 5
	DefaultEjection    = 5 * time.Second
	DefaultMaxEjection = 5 * time.Minute
)

// Ejection sets after how many failed calls in a row a node is ejected, and for how long:
// base the first time, and twice as long each time it fails again before it has recovered,
// up to longest. Each time is shortened a little at random. An ejected node gets no calls.
// After that time one call goes to it; if that succeeds, the node is back. It has recovered
// once it has stayed for as long as it was ejected. At least half of the nodes are never
// ejected; nodes that drain or have NoTraffic are not counted. 0 failures turn ejection off.
// Default: DefaultFailures, DefaultEjection, DefaultMaxEjection.
func Ejection(failures int, base, longest time.Duration) Option {
	return func(o *options) { o.ejection = ejection{failures, base, longest} }
}

type ejection struct {
	failures      int
	base, longest time.Duration
}

func (e ejection) check() error {
	if e.failures < 0 || e.failures > 0 && (e.base <= 0 || e.longest < e.base) {
		return invalid("Ejection(%d, %v, %v): failures of 0, for none, or more, and times over 0 that rise are needed",
			e.failures, e.base, e.longest)
	}
	return nil
}

// tooMany is how many failed calls in a row count against a node.
func (e ejection) tooMany() int64 {
	if e.failures == 0 {
		return DefaultFailures // of the guard
	}
	return int64(e.failures)
}

// after is how long a node is out whose last ejection took so long; 0 is none that
// counts.
func (e ejection) after(last time.Duration) time.Duration {
	if last > e.longest/2 {
		return e.longest
	}
	return max(2*last, e.base)
}

// A health is what failed calls say of a node.
//
//	in --failures in a row--> out --its time is over--> due --picked--> probed
//	 ^                         ^                                          |
//	 |                         +----------------- failure ----------------+
//	 +------------------------------------------- success ----------------+
//
// All but the atomics belongs to the service, under its mu.
type health struct {
	answered atomic.Int64 // when a call succeeded last, by the resolver's tick; 0: never
	fails    atomic.Int64 // in a row; over 0 while the node is out
	out      atomic.Bool

	took   time.Duration // by the last ejection, before it was shortened
	until  time.Time     // the end of this one
	probed bool          // a call was let through
	back   time.Time     // when the last one ended
}

func (h *health) ejected() bool { return h.out.Load() }

// eject takes the node out, or out again.
func (h *health) eject(e ejection, now time.Time) {
	if !h.ejected() && now.Sub(h.back) >= h.took {
		h.took = 0 // it had recovered
	}
	h.took = e.after(h.took)
	h.until = now.Add(h.took - rand.N(h.took/5+1))
	h.probed = false
	h.out.Store(true)
}

// probe lets a call through, and the next one if nothing is heard of this one for
// as long as the node was out.
func (h *health) probe(now time.Time) { h.probed, h.until = true, now.Add(h.took) }

// readmit brings the node back.
func (h *health) readmit(now time.Time) {
	h.probed, h.back = false, now
	h.fails.Store(0)
	h.out.Store(false)
}

// report takes the verdict of a call.
func (s *service) report(m *member, probe bool, v verdict, err error) {
	h := &m.state.health
	if v == good {
		if at := s.r.tick.Load(); h.answered.Load() != at {
			h.answered.Store(at)
		}
	}
	if v != good || h.fails.Load() != 0 {
		s.weigh(m, probe, v, err)
	}
}

func (s *service) weigh(m *member, probe bool, v verdict, err error) {
	h := &m.state.health
	switch {
	case h.ejected():
		if probe { // else it began before the ejection, or for want of others
			s.probed(m, v, err)
		}
	case v == good:
		h.fails.Store(0)
	case v == bad && h.fails.Add(1)%s.o.ejection.tooMany() == 0:
		s.eject(m, err)
	}
}

// eject takes a node out, if it can be spared, and has the guard judge it anew.
func (s *service) eject(m *member, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := &m.state.health
	if s.gone(m) || h.ejected() {
		return
	}
	if view := s.table.Load().view; s.o.ejection.failures == 0 || m.withdrawn() || spare(view.members) <= 0 {
		if slices.Contains(view.guarded, m.ID) {
			s.build()
		}
		return
	}
	now := time.Now()
	h.eject(s.o.ejection, now)
	s.logEjected(m, now, err, "rollcall: node ejected: calls to it fail, and others take them until one succeeds; see the error, and the log of the node")
	s.happened(EjectEvent{Namespace: s.name.namespace, Service: s.name.name, Node: m.ID, Ejected: true})
	s.build()
}

// logEjected logs that a node is out: as a warning where it is the first of the resolver,
// and once a minute, and else at the level Info. mu is held.
func (s *service) logEjected(m *member, now time.Time, err error, text string) {
	s.r.ejectedAt.Store(now.UnixNano())
	level := zerolog.InfoLevel
	if n := s.r.ejections.Failed(""); n.Phase != logs.Nothing {
		level = zerolog.WarnLevel
	}
	out := m.state.health.until.Sub(now).Round(time.Millisecond)
	s.log(level, func(e *zerolog.Event) { e.Err(inLine(err)).Str("node", m.ID).Stringer("for", out).Msg(text) })
}

// gone tells that a call was to a node that nobody knows any more. mu is held.
func (s *service) gone(m *member) bool {
	return s.ctx.Err() != nil || !slices.ContainsFunc(s.table.Load().view.members, func(o *member) bool { return o.state == m.state })
}

// spare is how many more nodes may be ejected; below 0, how many too many are.
func spare(members []*member) int {
	up, out := 0, 0
	for _, m := range members {
		if !m.withdrawn() {
			up++
			if m.state.health.ejected() {
				out++
			}
		}
	}
	return up/2 - out
}

// probed takes the verdict of the call that was let through to an ejected node.
func (s *service) probed(m *member, v verdict, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, now := &m.state.health, time.Now()
	if s.gone(m) || !h.probed {
		return
	}
	switch v {
	case good:
		s.readmit(m, now)
		s.build()
		return
	case bad:
		h.eject(s.o.ejection, now)
		s.logEjected(m, now, err, "rollcall: ejected node still fails: others go on taking its calls; see the error, and the log of the node")
	case inconclusive:
		h.probed, h.until = false, now
	}
	s.wake(sooner(s.next, s.review(s.table.Load().view.members, now)))
}

// readmit brings a node back. mu is held.
func (s *service) readmit(m *member, now time.Time) {
	m.state.health.readmit(now)
	s.log(zerolog.InfoLevel, func(e *zerolog.Event) { e.Str("node", m.ID).Msg("rollcall: ejected node is back") })
	s.happened(EjectEvent{Namespace: s.name.namespace, Service: s.name.name, Node: m.ID})
}

// review brings back ejected nodes that are withdrawn, and those that are too many since
// others left. It offers those whose time is over to be
// probed, and says when the next one's is. mu is held.
func (s *service) review(members []*member, now time.Time) (next time.Time) {
	var out []*member
	for _, m := range members {
		switch {
		case !m.state.health.ejected():
		case m.withdrawn():
			s.readmit(m, now)
		default:
			out = append(out, m)
		}
	}
	s.ejected.Store(int64(len(out)))
	if len(out) == 0 {
		s.due.Store(nil)
		return next
	}
	slices.SortStableFunc(out, func(a, b *member) int { return a.state.health.until.Compare(b.state.health.until) })
	for range -spare(members) {
		s.readmit(out[0], now)
		out = out[1:]
		s.ejected.Add(-1)
	}
	due := out
	for i, m := range out {
		if until := m.state.health.until; until.After(now) {
			due, next = out[:i], until
			break
		}
	}
	s.due.Store(nil)
	if len(due) > 0 {
		s.due.Store(&due)
	}
	return next
}

// probe returns a node that this call is to probe; nil, nearly always, where none
// is due. Zone and balancer have no say in that.
func (s *service) probe(q *question) *member {
	due := s.due.Load()
	if due == nil {
		return nil
	}
	i := slices.IndexFunc(*due, q.matches)
	if i < 0 {
		return nil
	}
	m := (*due)[i]
	s.mu.Lock()
	defer s.mu.Unlock()
	if due = s.due.Load(); due == nil || !slices.Contains(*due, m) {
		return nil // somebody was faster
	}
	now := time.Now()
	m.state.health.probe(now)
	s.wake(sooner(s.next, s.review(s.table.Load().view.members, now)))
	return m
}

// answers tells that the node answers, while the call goes on.
func (p Picked) answers() {
	p.t.s.report(p.m, p.t.probe, good, nil)
	p.t.probe = false
}
