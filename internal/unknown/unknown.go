// Package unknown remembers names that are no services of a source.
package unknown

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/rollcall-go/rollcall/internal/listed"
	"github.com/rollcall-go/rollcall/registry"
)

// Names are names that the source was asked about, and that are no services of it. Each
// costs some bytes of memory, no goroutine and no subscription. A name that no call asks for
// is forgotten after twice Generation at most.
//
// The source is asked again about a remembered name that is asked for after a second. If
// more than a hundred such names are asked for in a second, it is asked after up to 30 s, so
// that it answers about a hundred questions a second. It is always asked at once about a name
// that is not remembered, so services do not wait for names that are none.
//
// The zero value is ready.
type Names struct {
	mu         sync.Mutex
	asked      float64               // how many questions about remembered names count, at askedAt
	askedAt    time.Time             // the last of them
	young, old map[listed.Name]*name // by when they were asked for; each name is in one of them
	timer      *time.Timer           // makes the young ones old; nil before the first
	ended      bool
}

// A name is what the source has said of a name. All but done is guarded by mu of Names.
type name struct {
	done chan struct{} // closed when the source has answered; nil: no call asks it
	at   time.Time     // of the answer
	err  error         // the answer
}

const (
	// Max is how many names are remembered. If there are more, the old ones are forgotten; if
	// none is old, all.
	Max = 10_000

	// Generation is how long a name is young.
	Generation = 15 * time.Second

	// The source is asked again about a name so long after it said no, and so long after
	// it failed to answer.
	askedSoonest, askedLatest = time.Second, 30 * time.Second
	FailedAgo                 = 200 * time.Millisecond

	// askedPerSecond is how often it is asked again about names that are remembered.
	askedPerSecond = 100
)

// holds says whether an answer is still good. If not, it counts the question that follows.
// mu is held.
func (s *Names) holds(one *name, now time.Time) bool {
	age := now.Sub(one.at)
	if !errors.Is(one.err, registry.ErrNotFound) {
		return age < FailedAgo
	}
	asked := max(0, s.asked-now.Sub(s.askedAt).Seconds()*askedPerSecond)
	if age < askedSoonest || age < askedLatest && asked >= askedPerSecond {
		return true
	}
	s.asked, s.askedAt = min(asked+1, 2*askedPerSecond), now
	return false
}

// Check returns why a name is no service, or nil if it is or may be one. Of the callers that
// check a name at the same time, one asks and the others wait for the answer, or for the end
// of their ctx, whose error they return. With a nil ask it returns what is remembered.
func (s *Names) Check(ctx context.Context, n listed.Name, ask func(context.Context) error) error {
	for {
		s.mu.Lock()
		one := s.find(n)
		switch {
		case one == nil && ask == nil:
			s.mu.Unlock()
			return nil
		case one == nil:
			one = s.add(n)
		case one.done != nil:
			done := one.done
			s.mu.Unlock()
			select {
			case <-done:
				continue
			case <-ctx.Done():
				return ctx.Err()
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
			s.remove(n, one)
		}
		s.mu.Unlock()
		close(done)
		return err
	}
}

// Add remembers a name that the source does not know.
func (s *Names) Add(n listed.Name) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.find(n) == nil {
		*s.add(n) = name{at: time.Now(), err: registry.ErrNotFound}
	}
}

// find returns a remembered name, which is young from now on, or nil. mu is held.
func (s *Names) find(n listed.Name) *name {
	one := s.old[n]
	if one == nil {
		return s.young[n]
	}
	delete(s.old, n)
	s.keep(n, one)
	return one
}

// add remembers a name. mu is held.
func (s *Names) add(n listed.Name) *name {
	if s.timer == nil && !s.ended {
		s.timer = time.AfterFunc(Generation, s.forget)
	}
	if len(s.young)+len(s.old) >= Max {
		if len(s.old) == 0 {
			s.young = nil
		}
		s.old = nil
	}
	one := &name{}
	s.keep(n, one)
	return one
}

// keep makes a name young. mu is held.
func (s *Names) keep(n listed.Name, one *name) {
	if s.young == nil {
		s.young = map[listed.Name]*name{}
	}
	s.young[n] = one
}

// remove forgets a name. mu is held.
func (s *Names) remove(n listed.Name, one *name) {
	for _, some := range []map[listed.Name]*name{s.young, s.old} {
		if some[n] == one {
			delete(some, n)
		}
	}
}

// forget forgets the names that no call has asked for.
func (s *Names) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.old, s.young, s.timer = s.young, nil, nil
	if len(s.old) > 0 && !s.ended {
		s.timer = time.AfterFunc(Generation, s.forget)
	}
}

// End forgets all names, and remembers no other.
func (s *Names) End() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended = true; s.timer != nil {
		s.timer.Stop()
	}
	s.young, s.old = nil, nil
}

// Len returns how many names are remembered.
func (s *Names) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.young) + len(s.old)
}
