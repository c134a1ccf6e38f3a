// Package planted breaks the rule in each way that is looked for, once on each line
// marked with want, and keeps it in those ways that look alike.
package planted

import (
	"context"
	"log"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/internal/lifecycle"
	"github.com/rollcall-go/rollcall/internal/outbox"
	"github.com/rollcall-go/rollcall/registry"
)

type room struct {
	mu      sync.Mutex
	rw      sync.RWMutex
	logger  zerolog.Logger
	slog    *slog.Logger
	observe discovery.Observer
	events  registry.Observer
	onState func(registry.State, error)
	changed func(lifecycle.State, error)
	check   func(ctx context.Context) error
	filter  func(*registry.Node) bool
	opts    []registry.Option
	reports outbox.Outbox
	nodes   []*registry.Node
	err     error
}

func (r *room) lines() {
	r.mu.Lock()
	r.logger.Warn().Msg("x")                     // want: logs, under r.mu
	r.logger.Info().Msgf("%d", 1)                // want: logs, under r.mu
	r.logger.Info().Send()                       // want: logs, under r.mu
	r.logger.Printf("x")                         // want: logs, under r.mu
	r.slog.Info("x")                             // want: logs, under r.mu
	slog.ErrorContext(context.Background(), "x") // want: logs, under r.mu
	log.Print("x")                               // want: logs, under r.mu
	r.mu.Unlock()
	r.logger.Warn().Msg("x")
}

func (r *room) callbacks(ctx context.Context, f registry.Follower) {
	r.rw.RLock()
	r.observe(nil)            // want: calls a discovery.Observer, under r.rw
	r.events(nil)             // want: calls a registry.Observer, under r.rw
	r.onState(0, nil)         // want: calls a func(registry.State, error), under r.rw
	r.changed(0, nil)         // want: calls a func(lifecycle.State, error), under r.rw
	r.err = r.check(ctx)      // want: calls a func(context.Context) error, under r.rw
	if r.filter(r.nodes[0]) { // want: calls a func(*registry.Node) bool, under r.rw
		r.opts[0](nil) // want: calls a registry.Option, under r.rw
	}
	r.rw.RUnlock()
	r.observe(nil)
}

func (r *room) bodies(req *http.Request) {
	r.mu.Lock()
	_ = req.Body.Close()     // want: calls Close of an io.ReadCloser, under r.mu
	_, r.err = req.GetBody() // want: calls a func() (io.ReadCloser, error), under r.mu
	r.mu.Unlock()
	_ = req.Body.Close()
}

func (r *room) deferredUnlock() {
	defer r.logger.Warn().Msg("runs after the unlock")
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.logger.Warn().Msg("x") // want: logs, under r.mu
	if r.err != nil {
		r.events(nil) // want: calls a registry.Observer, under r.mu
	}
}

func (r *room) onOnePath(locked bool) {
	if locked {
		r.mu.Lock()
	}
	r.logger.Warn().Msg("x") // want: logs, under r.mu
	if locked {
		r.mu.Unlock()
	}
}

func (r *room) deferredOnOnePath(locked bool) {
	if locked {
		r.mu.Lock()
		defer r.mu.Unlock()
	}
	r.logger.Warn().Msg("x") // want: logs, under r.mu
}

func (r *room) unlocksBeforeTheEnd() {
	r.mu.Lock()
	defer r.observe(nil)
	r.mu.Unlock()
}

func (r *room) inALoop() {
	for range 2 {
		r.logger.Warn().Msg("x") // want: logs, under r.mu
		r.mu.Lock()
	}
	r.mu.Unlock()
}

func (r *room) callee() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.first() // want: calls (*internal/planted.room).first, which calls (*internal/planted.room).second, which logs, under r.mu
	r.pauses()
}

func (r *room) first()  { r.second() }
func (r *room) second() { r.logger.Warn().Msg("x") }

// pauses is called with the mutex locked, and logs without it.
func (r *room) pauses() {
	r.logger.Debug().Str("built", "and not written")
	r.mu.Unlock()
	r.logger.Warn().Msg("x")
	r.mu.Lock()
}

// unlocks is called with the mutex locked.
func (r *room) unlocks() {
	r.logger.Warn().Msg("x") // want: logs, under r.mu
	r.mu.Unlock()
}

func (r *room) literals() {
	r.mu.Lock()
	defer r.mu.Unlock()
	func() { r.observe(nil) }()                        // want: calls (*internal/planted.room).literals$1, which calls a discovery.Observer, under r.mu
	each(r.nodes, func(*registry.Node) { r.second() }) // want: calls (*internal/planted.room).second, which logs, under r.mu
	_ = slices.ContainsFunc(r.nodes, r.filter)         // want: calls a func(*registry.Node) bool, under r.mu
	for n := range some(r.nodes) {                     // want: calls a registry.Observer, under r.mu
		r.events(nil)
		_ = n
	}
	r.reports.Add(func() { r.observe(nil) })
	time.AfterFunc(time.Hour, func() { r.observe(nil) })
	go func() { r.observe(nil) }()
	go r.second()
	keep := func() { r.observe(nil) }
	r.reports.Dropped = func(int) { keep() }
}

func each(nodes []*registry.Node, f func(*registry.Node)) {
	for _, n := range nodes {
		f(n)
	}
}

func some(nodes []*registry.Node) func(func(*registry.Node) bool) {
	return func(yield func(*registry.Node) bool) {
		for _, n := range nodes {
			if !yield(n) {
				return
			}
		}
	}
}

func (r *room) earlyReturn() {
	r.mu.Lock()
	if r.err != nil {
		r.mu.Unlock()
		r.observe(nil)
		return
	}
	nodes := slices.Clone(r.nodes)
	r.mu.Unlock()
	_ = slices.ContainsFunc(nodes, r.filter)
	r.second()
}
