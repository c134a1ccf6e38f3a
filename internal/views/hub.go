// Package views follows services and keeps a view of each in memory, with what calls have
// shown of its nodes.
//
//	Source --registry.View--> Service --members--> Table --Set--> Pick --> Call
//	                             ^                                           |
//	                             +----------- load, failures <---- Done -----+
package views

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/balance"
	"github.com/rollcall-go/rollcall/internal/ejection"
	"github.com/rollcall-go/rollcall/internal/listed"
	"github.com/rollcall-go/rollcall/internal/logs"
	"github.com/rollcall-go/rollcall/internal/savedviews"
	"github.com/rollcall-go/rollcall/internal/unknown"
	"github.com/rollcall-go/rollcall/registry"
)

// A Source is that of package discovery.
type Source interface {
	Follow(service string, opts ...registry.FollowOption) (registry.Follower, error)
}

// A Knower is that of package discovery.
type Knower interface {
	Knows(ctx context.Context, service string, opts ...registry.FollowOption) (bool, error)
}

// A Config is the settings of a Hub. The options of package discovery describe its fields.
type Config struct {
	Source     Source
	SourceLogs bool                      // it logs its outages itself
	Namespace  func(asked string) string // the namespace of a call: the one it names, or the source's own
	Preload    []listed.Name

	Balance     balance.Policy
	Timeout     time.Duration
	IdleTimeout time.Duration
	MaxStale    time.Duration
	SlowStart   time.Duration
	Subset      int
	Identity    string
	Guard       float64
	Ejection    ejection.Policy
	SnapshotDir string

	Logger  zerolog.Logger
	Viewed  func(*Set)      // is called with the set of all nodes in each new view; nil: none is called
	Ejected func(Ejection)  // is called when a node is ejected or back; nil: none is called
	Public  func(*View) any // makes Set.Public
}

// An Ejection says that a node is ejected, or back.
type Ejection struct {
	Name    listed.Name
	Node    string
	Ejected bool
}

// A Hub follows services: those that were asked for, as long as they are in use.
type Hub struct {
	c        Config
	reporter *reporter
	folder   *savedviews.Folder // nil: nothing is saved

	ejections logs.Trouble // of all services together
	ejectedAt atomic.Int64 // when a node was out last, in Unix nanoseconds

	names *names // the services that are followed

	knower  Knower // the source; nil: it is none
	unknown unknown.Names

	tick atomic.Int64 // by balance.Now, a quarter of a second old at most: for what needs no better

	counting atomic.Bool // calls of services that are followed from now on

	mu      sync.Mutex                    // of those who change names
	opening map[listed.Name]chan struct{} // closed when Follow has returned
	ctx     context.Context
	cancel  context.CancelFunc
	tasks   sync.WaitGroup

	sweeping sync.Once
}

// New returns a Hub, which follows the services of Preload at once.
func New(c Config) *Hub {
	h := &Hub{c: c, names: newNames(), opening: map[listed.Name]chan struct{}{}}
	h.reporter = newReporter(&h.c)
	h.knower, _ = c.Source.(Knower)
	h.ctx, h.cancel = context.WithCancel(context.Background())
	if c.SnapshotDir != "" {
		h.folder = savedviews.Open(c.SnapshotDir, h.reporter.log)
		h.folder.Run(h.ctx, h.save)
	}
	for _, name := range c.Preload {
		_, _ = h.open(name, 1) // the first call for it returns why not
	}
	return h
}

// save writes the services that have changed, or whose files are older than age.
func (h *Hub) save(age time.Duration) {
	for s := range h.names.all() {
		if h.ctx.Err() == nil {
			s.file.Save(age)
		}
	}
}

// Close stops following all services, and waits for the goroutines of the hub.
func (h *Hub) Close() error {
	h.mu.Lock()
	h.cancel()
	h.names.clear()
	h.mu.Unlock()
	h.unknown.End()
	h.tasks.Wait()
	var err error
	if h.folder != nil {
		err = h.folder.Close()
	}
	h.reporter.close()
	return err
}

// Closed says whether Close was called.
func (h *Hub) Closed() bool { return h.ctx.Err() != nil }

// sweep lets go of services that no call has asked for, updates tick, and checks which views
// are stale.
func (h *Hub) sweep() {
	tick := time.NewTicker(max(min(h.c.IdleTimeout, unknownFor)/2, 1))
	defer tick.Stop()
	clock := time.NewTicker(time.Second / 4)
	defer clock.Stop()
	stale := newStaleness(h)
	for {
		select {
		case <-h.ctx.Done():
			return
		case <-clock.C:
			h.tick.Store(int64(balance.Now()))
			stale.check(h.names, time.Now())
		case <-tick.C:
			h.letIdleGo(time.Now())
		}
	}
}

// letIdleGo lets go of services that have not been used for long enough.
func (h *Hub) letIdleGo(at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var idle []*Service
	for s := range h.names.all() {
		limit := h.c.IdleTimeout
		if t := s.table.Load(); t == nil || t.Unknown() {
			limit = min(limit, unknownFor)
		}
		switch {
		case s.used.Swap(false) || s.users.Load() > 0:
			s.idle = at
		case at.Sub(s.idle) >= limit:
			idle = append(idle, s)
		}
	}
	if h.ctx.Err() == nil {
		h.letGo(idle...)
	}
}

// Counts says how many names a hub keeps.
type Counts struct {
	Followed int // services
	Unknown  int // names that are no services
}

// Counts returns how many names the hub keeps.
func (h *Hub) Counts() Counts { return Counts{h.names.len(), h.unknown.Len()} }
