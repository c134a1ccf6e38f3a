package registry

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/actor"
	"github.com/rollcall-go/rollcall/internal/lua"
)

// A subscription is one connection that brings the events of all channels that
// it is asked for. It does not mend itself: at the first failure, or when
// nothing comes for too long, it ends, and the hub makes another.
//
// Two goroutines own it. The writer sends one SUBSCRIBE a channel, so that the
// answers, acknowledgements and refusals, can be told apart by their order, and
// a ping whenever half the silence has passed. The reader reports what comes.
type subscription struct {
	ps      *redis.PubSub
	silence time.Duration // without a word for so long, the connection is dead
	meet    func(context.Context) error
	report  func(signal)

	mu      sync.Mutex
	asks    []ask     // not yet sent
	asked   []channel // sent, not yet answered
	wake    actor.Wake
	begun   chan struct{} // closed when the first SUBSCRIBE was sent: there is something to receive
	done    sync.WaitGroup
	ctx     context.Context
	cancel  context.CancelCauseFunc // with why it ended
	closing sync.Once
}

// minSilence is more than a busy machine needs to answer a ping.
const minSilence = time.Second

// A channel is what one SUBSCRIBE or PSUBSCRIBE names.
type channel struct {
	name    string
	pattern bool
}

// An ask is a channel to subscribe to, or to leave.
type ask struct {
	channel
	leave bool
}

// A signal is what the reader reports: exactly one of its fields is set.
type signal struct {
	acknowledged *channel
	refused      *channel // with err
	message      *redis.Message
	ended        bool // with err; the last one
	err          error
}

// newSubscription starts a subscription on ps, which has no channel yet. Before the
// first one, it lets meet look at the server.
func newSubscription(ctx context.Context, ps *redis.PubSub, silence time.Duration, meet func(context.Context) error, report func(signal)) *subscription {
	ctx, cancel := context.WithCancelCause(ctx)
	s := &subscription{
		ps: ps, silence: max(silence, minSilence), meet: meet, report: report,
		wake: actor.NewWake(), begun: make(chan struct{}), ctx: ctx, cancel: cancel,
	}
	s.done.Go(s.write)
	s.done.Go(s.read)
	return s
}

// ask subscribes to channels, or leaves them. It never blocks.
func (s *subscription) ask(asks ...ask) {
	s.mu.Lock()
	s.asks = append(s.asks, asks...)
	s.mu.Unlock()
	s.wake.Signal()
}

// close ends both goroutines, for a reason; wait waits for them.
func (s *subscription) close(why error) {
	s.closing.Do(func() {
		s.cancel(why)
		_ = s.ps.Close() // interrupts the reader; what it says is of no use any more
	})
}

func (s *subscription) wait() { s.done.Wait() }

func (s *subscription) write() {
	ping := time.NewTicker(s.silence / 2)
	defer ping.Stop()
	if err := s.meet(s.ctx); err != nil {
		s.close(err)
		return
	}
	for first := true; ; {
		s.mu.Lock()
		asks := s.asks
		s.asks = nil
		for _, a := range asks {
			if !a.leave {
				s.asked = append(s.asked, a.channel)
			}
		}
		s.mu.Unlock()
		for _, a := range asks {
			if err := s.send(s.ctx, a); err != nil {
				s.close(err)
				return
			}
			if first {
				close(s.begun)
				first = false
			}
		}
		select {
		case <-s.ctx.Done():
			return
		case <-s.wake:
		case <-ping.C:
			if first {
				continue
			}
			if err := s.ps.Ping(s.ctx); err != nil {
				s.close(err)
				return
			}
		}
	}
}

func (s *subscription) send(ctx context.Context, a ask) error {
	switch {
	case a.leave && a.pattern:
		return s.ps.PUnsubscribe(ctx, a.name)
	case a.leave:
		return s.ps.Unsubscribe(ctx, a.name)
	case a.pattern:
		return s.ps.PSubscribe(ctx, a.name)
	default:
		return s.ps.Subscribe(ctx, a.name)
	}
}

func (s *subscription) read() {
	select {
	case <-s.begun:
	case <-s.ctx.Done():
	}
	for s.ctx.Err() == nil {
		msg, err := s.ps.ReceiveTimeout(s.ctx, s.silence)
		switch {
		case err == nil:
			s.received(msg)
		case lua.IsPermission(err) && s.answered(signal{err: err}):
		default:
			s.close(quiet(err, s.silence))
		}
	}
	s.report(signal{ended: true, err: context.Cause(s.ctx)})
}

// received reports a message, or an acknowledgement.
func (s *subscription) received(msg any) {
	switch m := msg.(type) {
	case *redis.Message:
		s.report(signal{message: m})
	case *redis.Subscription:
		if m.Kind == "subscribe" || m.Kind == "psubscribe" {
			s.answered(signal{})
		}
	}
}

// answered reports the answer to the oldest channel that was asked for, and
// whether there was one.
func (s *subscription) answered(answer signal) bool {
	s.mu.Lock()
	if len(s.asked) == 0 {
		s.mu.Unlock()
		return false
	}
	ch := s.asked[0]
	s.asked = s.asked[1:]
	s.mu.Unlock()
	if answer.err != nil {
		answer.refused = &ch
	} else {
		answer.acknowledged = &ch
	}
	s.report(answer)
	return true
}

// quiet says of a time-out what it means.
func quiet(err error, silence time.Duration) error {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return fmt.Errorf("nothing came for %v, not even the answer to a ping: %w", silence, err)
	}
	return err
}
