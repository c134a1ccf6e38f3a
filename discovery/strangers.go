package discovery

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/rollcall-go/rollcall/registry"
)

// Strangers are names that the source was asked about, and that are no services of its.
// Each costs some bytes of memory, no goroutine, and no subscription. One that nobody
// asks for is forgotten 30 s later at most.
//
// The source is asked again about a name that is remembered, and asked for, after a
// second; where more than a hundred such names are asked for in a second, after up to
// 30 s, so that it has about a hundred to answer a second. It is always asked at once
// about a name that is not remembered: names that are services do not wait for those
// that are none.
type strangers struct {
	mu         sync.Mutex
	asked      float64                   // how many questions about remembered names count, at askedAt
	askedAt    time.Time                 // the last of them
	young, old map[serviceName]*stranger // by when they were asked for; in one of them
	timer      *time.Timer               // turns the young into old ones; nil before the first
	ended      bool
}

// A stranger is a name and what the source has said of it. All but done belongs to
// strangers, under its mu.
type stranger struct {
	done chan struct{} // closed when the source has answered; nil: nobody asks it
	at   time.Time     // of the answer
	err  error         // the answer
}

const (
	// maxStrangers is how many names are remembered. Where there are more, the old ones
	// are forgotten; where none is old, all.
	maxStrangers = 10_000

	// generation is for how long a name is young.
	generation = 15 * time.Second

	// The source is asked again about a name so long after it said no, and so long after
	// it failed to answer.
	askedSoonest, askedLatest = time.Second, 30 * time.Second
	failedAgo                 = 200 * time.Millisecond

	// askedPerSecond is how often it is asked again about names that are remembered.
	askedPerSecond = 100
)

// holds tells whether an answer of that age is still good, where the source would be
// asked again now; it counts that question. mu is held.
func (s *strangers) holds(one *stranger, now time.Time) bool {
	age := now.Sub(one.at)
	if !errors.Is(one.err, registry.ErrNotFound) {
		return age < failedAgo
	}
	asked := max(0, s.asked-now.Sub(s.askedAt).Seconds()*askedPerSecond)
	if age < askedSoonest || age < askedLatest && asked >= askedPerSecond {
		return true
	}
	s.asked, s.askedAt = min(asked+1, 2*askedPerSecond), now
	return false
}

// check returns why a name is no service; nil: it is, or perhaps. Of those who want to
// know at the same time, one asks and the others wait for the answer. With a nil ask it
// goes by what is remembered.
func (s *strangers) check(ctx context.Context, name serviceName, ask func(context.Context) error) error {
	for {
		s.mu.Lock()
		one := s.find(name)
		switch {
		case one == nil && ask == nil:
			s.mu.Unlock()
			return nil
		case one == nil:
			one = s.add(name)
		case one.done != nil:
			done := one.done
			s.mu.Unlock()
			select {
			case <-done:
				continue
			case <-ctx.Done():
				return waitedInVain(ctx, nil)
			}
		case s.holds(one, time.Now()):
			defer s.mu.Unlock()
			return one.err
		}
		done := make(chan struct{})
		one.done = done
		s.mu.Unlock()

		var err error
		if ask != nil {
			err = ask(ctx)
		}
		s.mu.Lock()
		one.done, one.at, one.err = nil, time.Now(), err
		if err == nil || ctx.Err() != nil { // no answer for the others
			s.remove(name, one)
		}
		s.mu.Unlock()
		close(done)
		return err
	}
}

// note remembers a name that the source does not know.
func (s *strangers) note(name serviceName) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.find(name) == nil {
		*s.add(name) = stranger{at: time.Now(), err: registry.ErrNotFound}
	}
}

// find returns a stranger that is asked for now; nil: it is none. mu is held.
func (s *strangers) find(name serviceName) *stranger {
	one := s.old[name]
	if one == nil {
		return s.young[name]
	}
	delete(s.old, name)
	s.keep(name, one)
	return one
}

// add makes a stranger. mu is held.
func (s *strangers) add(name serviceName) *stranger {
	if s.timer == nil && !s.ended {
		s.timer = time.AfterFunc(generation, s.forget)
	}
	if len(s.young)+len(s.old) >= maxStrangers {
		if len(s.old) == 0 {
			s.young = nil
		}
		s.old = nil
	}
	one := &stranger{}
	s.keep(name, one)
	return one
}

// keep makes a stranger a young one. mu is held.
func (s *strangers) keep(name serviceName, one *stranger) {
	if s.young == nil {
		s.young = map[serviceName]*stranger{}
	}
	s.young[name] = one
}

// remove forgets a stranger. mu is held.
func (s *strangers) remove(name serviceName, one *stranger) {
	for _, some := range []map[serviceName]*stranger{s.young, s.old} {
		if some[name] == one {
			delete(some, name)
		}
	}
}

// forget lets go of those that nobody has asked for.
func (s *strangers) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.old, s.young, s.timer = s.young, nil, nil
	if len(s.old) > 0 && !s.ended {
		s.timer = time.AfterFunc(generation, s.forget)
	}
}

// end forgets all.
func (s *strangers) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended = true; s.timer != nil {
		s.timer.Stop()
	}
	s.young, s.old = nil, nil
}

// waitedInVain is the error of a call whose time was over before the source answered;
// why is what the source has said so far, or nil.
func waitedInVain(ctx context.Context, why error) error {
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return ctx.Err()
	case why == nil:
		why = ctx.Err()
	}
	if why = bare(why); errors.Is(why, registry.ErrUnavailable) {
		return fmt.Errorf("nothing is known of the service yet: %w", why)
	}
	return fmt.Errorf("%w: nothing is known of the service yet: %w", registry.ErrUnavailable, why)
}
