package hertzadapter

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/actor"
	"github.com/rollcall-go/rollcall/internal/community"
	"github.com/rollcall-go/rollcall/internal/logs"
	"github.com/rollcall-go/rollcall/registry"
)

// Times of a mirror. Waits are shortened at random, so that servers that started
// together do not call together.
const (
	mirrorInterval = 5 * time.Second // between two writes of our field
	mirrorWait     = 2 * time.Second // for the field, of a Register
)

// A mirror shows one node in the community's layout for as long as it is registered,
// and a sweeper takes out of it the nodes of ours that are gone. Both start with the
// first registration that succeeds.
type mirror struct {
	sweeper
	expiry time.Duration

	// Of keepOn alone, and of close after it.
	clock, clockAt time.Time // Redis's clock in the newest answer, and when that came
	written        string    // the value that the field may have; "": none of ours

	mu     sync.Mutex
	ctx    context.Context // nil before the start
	cancel context.CancelFunc
	tasks  sync.WaitGroup
	value  string
	tried  string         // the last value that keepOn has written, or could not write
	state  registry.State // as far as it is known
	known  bool
	closed bool
	news   chan struct{} // the value or the state has changed
	turn   chan struct{} // closed when tried or the state changes; made by wait
}

// newMirror makes the mirror of a service's only node.
func newMirror(r registry.Registry, s *registry.Service, o options, log zerolog.Logger) (*mirror, error) {
	rr, ok := r.(*registry.Redis)
	switch {
	case !ok:
		return nil, invalid("WithCommunityKeys needs a registry on Redis, not a %T: leave it out, or use registry.NewRegistry", r)
	case o.namespace != "":
		return nil, invalid("WithCommunityKeys with WithNamespace(%q): the community's layout knows no namespaces, and holds those of the registry itself; leave one of them out", o.namespace)
	}
	client, err := rr.Client()
	if err != nil {
		return nil, err
	}
	ttl := max(o.ttl, rr.Options().TTL)
	m := &mirror{
		sweeper: sweeper{r: rr, client: client, home: community.HomeOf(rr), service: s.Name, own: s.Nodes[0].Address, log: log},
		expiry:  max(community.Expiry, ttl),
		news:    make(chan struct{}, 1),
	}
	m.set(s)
	return m, nil
}

// set changes what the field says.
func (m *mirror) set(s *registry.Service) {
	n := s.Nodes[0]
	nonce := make([]byte, 6)
	_, _ = rand.Read(nonce) // never fails
	m.mu.Lock()
	defer m.mu.Unlock()
	m.value = community.Entry{
		Service: s.Name, Addr: n.Address, Weight: n.Weight, Tags: n.Metadata,
		Mark: &community.Mark{Home: m.home, Nonce: hex.EncodeToString(nonce)},
	}.Encode()
	m.wake()
}

// follow takes over a state of the registration.
func (m *mirror) follow(s registry.State) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.state, m.known = s, true
	m.pass()
	if s == registry.Live && m.ctx == nil && !m.closed {
		m.ctx, m.cancel = context.WithCancel(context.Background())
		m.tasks.Go(m.keepOn)
		m.tasks.Go(func() {
			m.sweeper.run(m.ctx)
			m.cancel() // the registry may have been closed without a Deregister
		})
	}
	m.wake()
}

// wake has keepOn continue at once. mu is held.
func (m *mirror) wake() {
	select {
	case m.news <- struct{}{}:
	default:
	}
}

// pass wakes those that wait. mu is held.
func (m *mirror) pass() {
	if m.turn != nil {
		close(m.turn)
		m.turn = nil
	}
}

// wait returns when the field was written, or could not be, or need not be because the
// node is not registered yet; and after mirrorWait, or when ctx ends.
func (m *mirror) wait(ctx context.Context) {
	late := time.NewTimer(mirrorWait)
	defer late.Stop()
	for {
		m.mu.Lock()
		if m.tried == m.value || m.known && m.state != registry.Live {
			m.mu.Unlock()
			return
		}
		if m.turn == nil {
			m.turn = make(chan struct{})
		}
		turn, live := m.turn, m.known
		m.mu.Unlock()
		select {
		case <-turn:
		case <-ctx.Done():
			return
		case <-late.C:
			if !live { // the registry has logged that
				return
			}
			m.log.Warn().Stringer("after", mirrorWait).Msg("rollcall: the community's layout may not show this node yet; going on")
			return
		}
	}
}

// keepOn keeps the field as it should be. The state says whether that is there: of a
// node that was superseded the field is another's, and while nothing is known of it
// nothing is done.
func (m *mirror) keepOn() {
	tick := time.NewTimer(actor.Shortened(mirrorInterval))
	defer tick.Stop()
	var trouble logs.Episode
	for {
		select {
		case <-m.ctx.Done():
			return
		case <-m.news:
		case <-tick.C:
		}
		tick.Reset(actor.Shortened(mirrorInterval))
		m.mu.Lock()
		state, value := m.state, m.value
		m.mu.Unlock()
		// A call that is under way when the mirror ends is waited for: cut off, it might
		// come after the one that removes the field.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(m.ctx), community.Timeout)
		var err error
		switch state {
		case registry.Live:
			err = m.keep(ctx, value)
		case registry.Removed, registry.Left:
			err = m.drop(ctx)
		}
		cancel()
		m.note(&trouble, err)
		if state == registry.Live {
			m.mu.Lock()
			m.tried = value
			m.pass()
			m.mu.Unlock()
		}
	}
}

// note logs what a call came to, where that is worth a line.
func (m *mirror) note(trouble *logs.Episode, err error) {
	if err != nil {
		if n := trouble.Failed("", time.Now()); n.Phase != logs.Nothing {
			m.log.Warn().Err(err).EmbedObject(n).Msg("rollcall: the community's layout does not show this node as it should; trying on")
		}
		return
	}
	if n := trouble.Recovered("", time.Now()); n.Phase == logs.Ended {
		m.log.Warn().EmbedObject(n).Msg("rollcall: the community's layout shows this node again")
	}
}

// keep writes the field. If Redis's clock is not known, the first call only reads
// it. A call that hung is past its deadline when its time-out ends, so that it cannot
// bring back what a later one removed.
func (m *mirror) keep(ctx context.Context, value string) error {
	ends, _ := ctx.Deadline()
	m.written = value
	for range 2 {
		deadline := m.clock.Add(ends.Sub(m.clockAt))
		now, err := community.Keep(ctx, m.client, m.service, m.own, value, m.expiry, deadline)
		if err != nil {
			return err
		}
		m.clock, m.clockAt = now, time.Now()
		if !now.After(deadline) {
			return nil
		}
	}
	return errors.New("redis took longer than a call may last")
}

// close ends the mirror and takes the node out of the layout.
func (m *mirror) close(ctx context.Context) error {
	m.mu.Lock()
	started := m.ctx != nil
	m.closed = true
	m.mu.Unlock()
	if !started {
		return nil
	}
	m.cancel()
	done := make(chan struct{})
	go func() {
		m.tasks.Wait() // for a call at most
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		return fmt.Errorf("community's layout: %w", context.Cause(ctx))
	}
	return m.drop(ctx)
}

// drop takes out what keep has written.
func (m *mirror) drop(ctx context.Context) error {
	if m.written == "" {
		return nil
	}
	_, err := community.Drop(ctx, m.client, m.service, m.own, m.written)
	if err == nil {
		m.written = ""
	}
	return err
}
