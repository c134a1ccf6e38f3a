package sidecar

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/registry"
)

// The defaults of Config.
const (
	DefaultCheckInterval = 2 * time.Second
	DefaultCheckTimeout  = time.Second
	DefaultCheckFailures = 3
	DefaultDrain         = 5 * time.Second
)

// A Config says what to run and how to register it.
type Config struct {
	Registry Registrar         // Run closes it
	Service  *registry.Service // with the one node that the command is

	Command        []string // the program and its arguments
	Stdin          io.Reader
	Stdout, Stderr io.Writer

	// Check decides whether the node is registered; nil: while the command runs.
	Check         Check
	CheckInterval time.Duration // between two checks; 0: DefaultCheckInterval
	CheckTimeout  time.Duration // of one; 0: DefaultCheckTimeout
	CheckFailures int           // in a row that deregister the node; 0: DefaultCheckFailures

	// Drain is how long the node is registered as draining before a signal to end is
	// handed on. 0: not at all.
	Drain time.Duration

	Signals <-chan os.Signal // as NotifySignals returns them
	Logger  zerolog.Logger
}

// closing bounds the deregistration at the end.
const closing = 2 * time.Second

// Run runs the command until it ends, and returns its exit code: 128 and the number of the
// signal if one ended it, 126 or 127 and an error if it could not be started. The end of ctx
// has the effect of SIGTERM. If the service is wrong, nothing is started, and the error is
// registry.ErrInvalid.
//
// A terminal is not handed on as standard input, because the command runs in the
// background of it.
func Run(ctx context.Context, cfg Config) (code int, err error) {
	if err := cfg.prepare(ctx); err != nil {
		return 1, err
	}
	p, code, err := start(cfg.Command, cfg.Stdin, cfg.Stdout, cfg.Stderr)
	if err != nil {
		cfg.leave(err.Error())
		return code, err
	}
	announcing, cancel := context.WithCancel(context.WithoutCancel(ctx))
	a := newAnnouncer(&cfg)
	go a.run(announcing)
	asked := supervise(ctx, p, a, cfg)
	cancel()
	<-a.done
	if p.killer != "" && asked == nil {
		cfg.Logger.Warn().Str("signal", p.killer).Msg("rollcall: the command was killed: the node is deregistered")
	}
	cfg.leave(p.end(asked))
	return p.code, p.err
}

// prepare fills in defaults, and refuses what is wrong before anything is started.
func (c *Config) prepare(ctx context.Context) error {
	if len(c.Command) == 0 {
		return errors.New("there is no command: give it after --")
	}
	if len(c.Service.Nodes) != 1 {
		return fmt.Errorf("%d nodes, want one", len(c.Service.Nodes))
	}
	if c.CheckInterval < 0 || c.CheckTimeout < 0 || c.CheckFailures < 0 || c.Drain < 0 {
		return errors.New("a duration or a number is negative")
	}
	for d, def := range map[*time.Duration]time.Duration{&c.CheckInterval: DefaultCheckInterval, &c.CheckTimeout: DefaultCheckTimeout} {
		if *d == 0 {
			*d = def
		}
	}
	if c.CheckFailures == 0 {
		c.CheckFailures = DefaultCheckFailures
	}
	if isDevice(c.Stdin) {
		c.Stdin = nil
	}
	// A registration whose check fails is looked over, and goes no further.
	err := c.Registry.Register(ctx, c.Service, registry.RegisterCheck(func(context.Context) error { return errNotYet }))
	if errors.Is(err, errNotYet) {
		return nil
	}
	return err
}

var errNotYet = errors.New("not yet")

// leave deregisters the node, for a reason, and closes the registry, which tries again what
// failed.
func (c *Config) leave(why string) {
	ctx, cancel := context.WithTimeout(context.Background(), closing)
	defer cancel()
	first, stop := context.WithTimeout(ctx, closing/2)
	_ = c.Registry.Deregister(first, c.Service, registry.DeregisterReason(why))
	stop()
	if err := c.Registry.Close(ctx); err != nil {
		c.Logger.Warn().Err(err).Msg("rollcall: the node is not deregistered: it is gone when its lease ends")
	}
}

// supervise hands signals on until the command has ended. It returns the last one that asked for
// the end, or nil.
func supervise(ctx context.Context, p *process, a *announcer, cfg Config) (ending os.Signal) {
	var drained <-chan time.Time // when to hand it on
	over := ctx.Done()
	for {
		var s os.Signal
		select {
		case <-p.ended:
			return ending
		case <-drained:
			drained = nil
			p.signal(ending)
			continue
		case <-over:
			over, s = nil, stopSignal
		case s = <-cfg.Signals:
		}
		if !stops(s) {
			p.signal(s)
			continue
		}
		first := ending == nil
		ending = s
		if first {
			close(a.draining)
		}
		if first && cfg.Drain > 0 && a.serving() {
			cfg.Logger.Info().Stringer("drain", cfg.Drain).Msg("rollcall: draining")
			drained = time.After(cfg.Drain)
			continue
		}
		drained = nil
		p.signal(ending)
	}
}
