package hertzadapter

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/actor"
	"github.com/rollcall-go/rollcall/internal/community"
	"github.com/rollcall-go/rollcall/internal/logs"
	"github.com/rollcall-go/rollcall/registry"
)

// Times of a sweeper.
const (
	sweepInterval = time.Minute            // between two reads of the whole hash
	sweepFirst    = 5 * time.Second        // before the first one
	sweepSpread   = 500 * time.Millisecond // within which all servers check a node that left: the first one does the work for all
)

// A sweeper takes those nodes of ours out of the community's layout that are gone
// from the registry and could not do so themselves. It is one goroutine, run.
//
// A field goes only if a live view lacks its node, and so does the registry itself,
// read after the field: a node is registered before it writes its field. A node that
// the registry lost in a flush or a failover is held in the view, and so in the
// layout.
type sweeper struct {
	r       *registry.Redis
	client  redis.UniversalClient
	home    community.Home
	service string
	own     string // the field that is not ours to sweep
	log     zerolog.Logger

	live     bool            // the view below is live
	listed   map[string]bool // the addresses in the newest view
	suspects map[string]bool // those that left it
	next     time.Time       // when to check the suspects
	nextAll  time.Time       // when to check all
	refused  logs.Episode    // the view
}

// run sweeps until ctx ends.
func (s *sweeper) run(ctx context.Context) {
	f, err := s.r.Follow(s.service)
	if err != nil {
		return // the registry was closed
	}
	defer f.Stop()
	s.suspects = map[string]bool{}
	s.nextAll = time.Now().Add(rand.N(sweepFirst))
	for ctx.Err() == nil {
		due := s.nextAll
		if len(s.suspects) > 0 && s.next.Before(due) {
			due = s.next
		}
		wait, cancel := context.WithDeadline(ctx, due)
		v, err := f.Next(wait)
		switch {
		case err == nil:
			s.see(v)
			s.note(nil)
		case errors.Is(err, registry.ErrClosed):
			cancel()
			return
		default: // nothing new, or refused, and that at once
			s.note(err)
			<-wait.Done()
		}
		cancel()
		if now := time.Now(); ctx.Err() == nil && !now.Before(due) {
			s.sweep(ctx, now)
		}
	}
}

// note logs what the wait for a view came to, where that is worth a line.
func (s *sweeper) note(err error) {
	now := time.Now()
	switch {
	case err == nil:
		if n := s.refused.Recovered("", now); n.Phase == logs.Ended {
			s.log.Warn().EmbedObject(n).Msg("rollcall: crashed nodes are taken out of the community's layout again")
		}
	case errors.Is(err, registry.ErrPermission):
		if n := s.refused.Failed("", now); n.Phase != logs.Nothing {
			s.log.Warn().Err(err).EmbedObject(n).Msg("rollcall: crashed nodes stay in the community's layout: this user may not subscribe to its own service; see the rights in docs/migration.md")
		}
	}
}

// see takes over a view.
func (s *sweeper) see(v *registry.View) {
	listed := map[string]bool{}
	for _, version := range v.Services {
		for _, n := range version.Nodes {
			listed[n.Address] = true
			delete(s.suspects, n.Address)
		}
	}
	for addr := range s.listed {
		if !listed[addr] {
			if len(s.suspects) == 0 {
				s.next = time.Now().Add(rand.N(sweepSpread))
			}
			s.suspects[addr] = true
		}
	}
	s.live, s.listed = v.StaleSince.IsZero(), listed
}

// sweep checks what is due.
func (s *sweeper) sweep(ctx context.Context, now time.Time) {
	var fields []string // none: all
	if now.Before(s.nextAll) {
		fields = slices.Collect(maps.Keys(s.suspects))
	}
	s.suspects = map[string]bool{}
	s.nextAll = now.Add(actor.Shortened(sweepInterval))
	ctx, cancel := context.WithTimeout(ctx, community.Timeout)
	defer cancel()
	if !s.live || s.remove(ctx, fields) != nil {
		s.nextAll = now.Add(actor.Shortened(sweepFirst))
	}
}

// remove takes out what is ours and gone.
func (s *sweeper) remove(ctx context.Context, fields []string) error {
	values, err := s.read(ctx, fields)
	if err != nil {
		return err
	}
	orphans := s.orphans(values)
	if len(orphans) == 0 {
		return nil
	}
	services, err := s.r.GetService(ctx, s.service)
	if err != nil && !errors.Is(err, registry.ErrNotFound) {
		return err
	}
	for _, version := range services {
		for _, n := range version.Nodes {
			delete(orphans, n.Address)
		}
	}
	for addr, value := range orphans {
		gone, err := community.Drop(ctx, s.client, s.service, addr, value)
		if err != nil {
			return err
		}
		if gone {
			s.log.Info().Str("gone", addr).Msg("rollcall: taken out of the community's layout")
		}
	}
	return nil
}

// read returns these fields of the hash, or all of them.
func (s *sweeper) read(ctx context.Context, fields []string) (map[string]string, error) {
	key := community.Key(s.service)
	if len(fields) == 0 {
		return s.client.HGetAll(ctx, key).Result()
	}
	got, err := s.client.HMGet(ctx, key, fields...).Result()
	values := make(map[string]string, len(got))
	for i, v := range got {
		if value, ok := v.(string); ok {
			values[fields[i]] = value
		}
	}
	return values, err
}

// orphans are the fields of ours whose nodes the view lacks.
func (s *sweeper) orphans(values map[string]string) map[string]string {
	orphans := map[string]string{}
	for addr, value := range values {
		e, err := community.Decode(value)
		if err == nil && e.Of(s.home) && addr != s.own && !s.listed[addr] {
			orphans[addr] = value
		}
	}
	return orphans
}
