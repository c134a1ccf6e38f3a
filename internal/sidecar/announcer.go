package sidecar

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/logs"
	"github.com/rollcall-go/rollcall/registry"
)

// A Registrar is what a sidecar needs of a registry. *registry.Redis is one.
type Registrar interface {
	Register(ctx context.Context, s *registry.Service, opts ...registry.RegisterOption) error
	Deregister(ctx context.Context, s *registry.Service, opts ...registry.DeregisterOption) error
	Close(ctx context.Context) error
}

// An announcer keeps a node registered while its check passes. It owns one goroutine, run.
type announcer struct {
	cfg *Config
	log zerolog.Logger

	draining chan struct{} // closed to register the node as draining
	done     chan struct{} // closed when run has returned
	failure  error         // of the last check
	trouble  logs.Episode  // the node cannot be registered
	listed   atomic.Bool   // whether the node is registered, or about to be
	lost     atomic.Bool   // another process or an operator has the node: it is left alone
}

func newAnnouncer(cfg *Config) *announcer {
	return &announcer{cfg: cfg, log: cfg.Logger, draining: make(chan struct{}), done: make(chan struct{})}
}

// longestRetry is the longest wait after a registration that was refused.
const longestRetry = 30 * time.Second

// run registers and deregisters until ctx ends. The node stays registered then.
func (a *announcer) run(ctx context.Context) {
	defer close(a.done)
	retry := backoff.NewExponentialBackOff(backoff.WithMaxInterval(longestRetry), backoff.WithMaxElapsedTime(0))
	health := health{up: a.cfg.Check == nil}
	for {
		var wait time.Duration // 0: for ever
		if a.cfg.Check != nil {
			a.check(ctx, &health)
			wait = jittered(a.cfg.CheckInterval)
		}
		if ctx.Err() == nil && health.up != a.listed.Load() && !a.lost.Load() {
			if err := a.turn(ctx, health.up); err != nil {
				wait = retry.NextBackOff()
			} else {
				retry.Reset()
			}
		}
		var due <-chan time.Time
		if wait > 0 {
			due = time.After(wait)
		}
		select {
		case <-due:
		case <-ctx.Done():
			return
		case <-a.draining:
			a.drain(ctx)
			return
		}
	}
}

// check runs the check once and logs what has changed.
func (a *announcer) check(ctx context.Context, h *health) {
	bounded, cancel := context.WithTimeout(ctx, a.cfg.CheckTimeout)
	defer cancel()
	err := a.cfg.Check(bounded)
	if ctx.Err() != nil {
		return
	}
	a.failure = err
	first := h.failures == 0
	changed := h.note(err, a.cfg.CheckFailures)
	switch {
	case changed && h.up:
		a.log.Info().Msg("rollcall: the check passes: the node is registered")
	case changed:
		a.log.Warn().Err(err).Int("failures", h.failures).Msg("rollcall: the check fails: the node is deregistered until it passes again")
	case err != nil && first:
		a.log.Warn().Err(err).Msg("rollcall: the check fails")
	}
}

// turn registers or deregisters the node.
func (a *announcer) turn(ctx context.Context, up bool) error {
	if !up {
		a.listed.Store(false)
		why := fmt.Sprintf("its check fails: %v", a.failure)
		if err := a.cfg.Registry.Deregister(ctx, a.cfg.Service, registry.DeregisterReason(why)); err != nil && ctx.Err() == nil {
			a.log.Warn().Err(err).Msg("rollcall: cannot deregister the node now: it is gone when its lease ends")
		}
		return nil
	}
	err := a.register(ctx, a.cfg.Service)
	if err == nil {
		a.listed.Store(true)
		if note := a.trouble.Recovered("", time.Now()); note.Phase == logs.Ended {
			a.log.Warn().EmbedObject(note).Msg("rollcall: the node can be registered again")
		}
	} else if ctx.Err() == nil && !a.lost.Load() {
		if note := a.trouble.Failed("", time.Now()); note.Phase != logs.Nothing {
			a.log.Warn().Err(err).EmbedObject(note).Msg("rollcall: the node is not registered: this is tried again")
		}
	}
	return err
}

// serving says whether callers may use the node.
func (a *announcer) serving() bool { return a.listed.Load() && !a.lost.Load() }

// drain registers the node as draining, if callers may use it.
func (a *announcer) drain(ctx context.Context) {
	if !a.serving() {
		return
	}
	s, n := *a.cfg.Service, *a.cfg.Service.Nodes[0]
	n.Status = registry.Draining
	s.Nodes = []*registry.Node{&n}
	if err := a.register(ctx, &s); err != nil && ctx.Err() == nil {
		a.log.Warn().Err(err).Msg("rollcall: the node cannot be registered as draining: callers use it until it ends")
	}
}

func (a *announcer) register(ctx context.Context, s *registry.Service) error {
	err := a.cfg.Registry.Register(ctx, s, registry.RegisterRetry(), registry.OnState(a.state))
	if errors.Is(err, registry.ErrSuperseded) {
		a.lose()
	}
	return err
}

// state is called when the registration changes. A node that another process has taken, or
// that an operator has removed, does not come back before the command is started again.
func (a *announcer) state(s registry.State, _ error) {
	if s == registry.Superseded || s == registry.Removed {
		a.lose()
	}
}

// lose leaves the node alone from now on.
func (a *announcer) lose() {
	if !a.lost.Swap(true) {
		a.log.Warn().Msg("rollcall: this process leaves the node alone from now on: to take it back, start the command again")
	}
}

// jittered is d, or up to a tenth less, so that many sidecars do not check in step.
func jittered(d time.Duration) time.Duration { return d - time.Duration(rand.Int64N(int64(d)/10+1)) }
