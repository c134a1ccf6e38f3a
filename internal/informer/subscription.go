package informer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/actor"
	"github.com/rollcall-go/rollcall/internal/lua"
)

// A subscription is one connection that receives the messages of channels. It does not
// repair itself: it ends at the first failure, or when nothing comes for too long, and
// its owner makes another one.
//
// It has two goroutines. The writer sends one SUBSCRIBE for each channel, so that the
// answers, which come in the same order, show which channel was acknowledged or refused;
// and it pings where nothing comes. The reader reports what comes.
type subscription struct {
	ps      *redis.PubSub
	silence time.Duration // after so long without a message or an answer, the connection is dead
	last    atomic.Int64  // when the last one came, ns since start
	start   time.Time
	meet    func(context.Context) error
	report  func(signal)

	mu         sync.Mutex
	requests   []request // not sent yet
	unanswered []channel // SUBSCRIBE was sent
	wake       actor.Wake
	begun      chan struct{} // closed when the first request was sent: before, there is nothing to receive
	done       sync.WaitGroup
	ctx        context.Context
	cancel     context.CancelCauseFunc // with the reason for the end
	closing    sync.Once
}

// minSilence is longer than a busy machine needs to answer a ping.
const minSilence = time.Second

// A channel is what one SUBSCRIBE or PSUBSCRIBE names.
type channel struct {
	name    string
	pattern bool
}

// A request is to subscribe to a channel, or to leave it.
type request struct {
	channel
	leave bool
}

// A signal is what the reader reports: exactly one of its fields is set, beside err.
type signal struct {
	acknowledged *channel
	refused      *channel // with err
	message      *redis.Message
	ended        bool // with err; the last one
	err          error
}

// newSubscription starts a subscription on ps, which has no channel yet. Before it
// sends the first request, it calls meet to check the server.
func newSubscription(ctx context.Context, ps *redis.PubSub, silence time.Duration, meet func(context.Context) error, report func(signal)) *subscription {
	ctx, cancel := context.WithCancelCause(ctx)
	s := &subscription{
		ps: ps, silence: max(silence, minSilence), start: time.Now(), meet: meet, report: report,
		wake: actor.NewWake(), begun: make(chan struct{}), ctx: ctx, cancel: cancel,
	}
	s.done.Go(s.write)
	s.done.Go(s.read)
	return s
}

// subscribe asks for channels. It never blocks.
func (s *subscription) subscribe(channels ...channel) {
	requests := make([]request, len(channels))
	for j, ch := range channels {
		requests[j].channel = ch
	}
	s.add(requests...)
}

// unsubscribe leaves a channel. It never blocks.
func (s *subscription) unsubscribe(ch channel) { s.add(request{channel: ch, leave: true}) }

func (s *subscription) add(requests ...request) {
	s.mu.Lock()
	s.requests = append(s.requests, requests...)
	s.mu.Unlock()
	s.wake.Signal()
}

// close ends both goroutines, for a reason; wait waits for them.
func (s *subscription) close(why error) {
	s.closing.Do(func() {
		s.cancel(why)
		_ = s.ps.Close() // interrupts the reader; its error changes nothing any more
	})
}

func (s *subscription) wait() { s.done.Wait() }

func (s *subscription) write() {
	ping := time.NewTimer(s.silence / 2)
	defer ping.Stop()
	if err := s.meet(s.ctx); err != nil {
		s.close(err)
		return
	}
	for first := true; ; {
		for _, r := range s.takeRequests() {
			if err := s.send(s.ctx, r); err != nil {
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
			quiet := time.Since(s.start) - time.Duration(s.last.Load())
			if !first && quiet >= s.silence/2 {
				quiet = 0
				if err := s.ps.Ping(s.ctx); err != nil {
					s.close(err)
					return
				}
			}
			ping.Reset(max(s.silence/2-quiet, time.Millisecond))
		}
	}
}

// takeRequests returns the requests to send, and notes for which channels Redis will
// answer.
func (s *subscription) takeRequests() []request {
	s.mu.Lock()
	defer s.mu.Unlock()
	requests := s.requests
	s.requests = nil
	for _, r := range requests {
		if !r.leave {
			s.unanswered = append(s.unanswered, r.channel)
		}
	}
	return requests
}

func (s *subscription) send(ctx context.Context, r request) error {
	switch {
	case r.leave && r.pattern:
		return s.ps.PUnsubscribe(ctx, r.name)
	case r.leave:
		return s.ps.Unsubscribe(ctx, r.name)
	case r.pattern:
		return s.ps.PSubscribe(ctx, r.name)
	default:
		return s.ps.Subscribe(ctx, r.name)
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
			s.last.Store(int64(time.Since(s.start)))
			s.handleReply(msg)
		case lua.IsPermission(err) && s.handleAnswer(err):
		default:
			s.close(explainTimeout(err, s.silence))
		}
	}
	s.report(signal{ended: true, err: context.Cause(s.ctx)})
}

// handleReply reports a message, or an acknowledgement.
func (s *subscription) handleReply(msg any) {
	switch m := msg.(type) {
	case *redis.Message:
		s.report(signal{message: m})
	case *redis.Subscription:
		if m.Kind == "subscribe" || m.Kind == "psubscribe" {
			s.handleAnswer(nil)
		}
	}
}

// handleAnswer reports whether the oldest channel that has no answer yet was
// acknowledged, or refused with err. It returns false where all have their answers.
func (s *subscription) handleAnswer(err error) bool {
	s.mu.Lock()
	if len(s.unanswered) == 0 {
		s.mu.Unlock()
		return false
	}
	ch := s.unanswered[0]
	s.unanswered = s.unanswered[1:]
	s.mu.Unlock()
	if err != nil {
		s.report(signal{refused: &ch, err: err})
	} else {
		s.report(signal{acknowledged: &ch})
	}
	return true
}

// explainTimeout says what a time-out means here.
func explainTimeout(err error, silence time.Duration) error {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return fmt.Errorf("nothing came for %v, not even the answer to a ping: %w", silence, err)
	}
	return err
}
