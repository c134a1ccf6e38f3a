package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/cloudwego/hertz/pkg/common/hlog"
	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/registry"
)

// The parameters of the demo.
const (
	serviceName = "greeter"
	ttl         = 3 * time.Second
	interval    = time.Second
	underWay    = 100 * time.Millisecond  // how long a pick may be, when the view changes
	callEvery   = 20 * time.Millisecond   // one call after the other
	callTimeout = 2 * time.Second         // of one call
	drainFor    = 1500 * time.Millisecond // that a node goes on serving while it drains
	reportEvery = 5 * time.Second         // with Config.Keep
	closeWithin = 5 * time.Second         // for the end, whatever hangs
)

// Config says how to run the demo.
type Config struct {
	Redis string    // URL of a Redis; "" runs an embedded one
	Keep  bool      // go on after the script, until the context ends
	Out   io.Writer // where the lines go; colours only if it is a terminal
	Node  []string  // the command line of a process that runs RunNode
}

// Run plays the script and prints what happens. It returns an error if something
// did not happen as it should, and the context's error if that ended before the
// script did. Nothing is left behind: no process, and no key in Redis that does
// not expire within a minute.
func Run(ctx context.Context, cfg Config) (err error) {
	silence()
	p := newPrinter(cfg.Out)
	b, err := openBackend(cfg.Redis)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	r := registry.NewRegistry(registry.URL(b.url), registry.Prefix(b.prefix))
	if err := r.Init(); err != nil {
		return fmt.Errorf("the demo needs a Redis that answers: %w", errors.Join(err, r.Close(ctx)))
	}
	p.head(b.what)

	o, live := newObserver(p), discovery.New(r, discovery.Logger(zerolog.Nop())) // the crash is the demo's own
	c, err := newCaller(live, o)
	if err != nil {
		return errors.Join(err, live.Close(), r.Close(ctx))
	}
	s := &stage{cfg: cfg, backend: b, print: p, observer: o, caller: c, nodes: make(map[string]*process)}
	defer func() { err = errors.Join(err, s.close(live, r)) }()

	calling, stop := context.WithCancel(ctx)
	var work sync.WaitGroup
	work.Go(func() { c.run(calling) })
	work.Go(func() { o.watch(calling, live) })
	defer work.Wait()
	defer stop()

	if err := s.play(ctx, script); err != nil {
		return err
	}
	if cfg.Keep {
		s.keep(ctx)
	}
	return s.result
}

// silence turns off what Hertz writes to standard error by itself. What matters of
// it reaches the demo as errors.
func silence() { hlog.SetOutput(io.Discard) }

// close ends every node, and sweeps what they left in Redis.
func (s *stage) close(live *discovery.Resolver, r *registry.Redis) error {
	ctx, cancel := context.WithTimeout(context.Background(), closeWithin)
	defer cancel()
	s.observer.mute()
	var work sync.WaitGroup
	for _, n := range s.nodes {
		work.Go(func() { n.end(ctx) })
	}
	work.Wait()
	return errors.Join(live.Close(), r.Close(ctx), s.backend.sweep(ctx))
}
