package informer

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/actor"
	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/redisconn"
)

// hints receives keyspace events: Redis sends one when it removes the key of a node
// whose lease has ended, which is sooner than the next poll. Each event is a hint only:
// the service is polled, and everything works without.
//
// Its goroutine owns one subscription to each master that sends keyspace events, with one
// pattern for each namespace.
type hints struct {
	i       *Informer
	subs    map[string]*hintSubscription // by the master's address
	checkAt map[string]time.Time         // when to ask a master again whether it sends them
}

type hintSubscription struct {
	*subscription
	ended    chan struct{}
	patterns map[string]bool
}

const (
	hintFirst        = 200 * time.Millisecond // gives the first reads time
	hintRefreshEvery = 2 * time.Second        // namespaces and masters are looked for
	hintCheckEvery   = 30 * time.Second       // a master that sends no events is asked again
	hintSpread       = 50 * time.Millisecond  // the service is looked at within that: other processes have the same hint
)

// run is the goroutine.
func (h *hints) run() {
	ctx := h.i.ctx
	defer h.closeIf(func(string, *hintSubscription) bool { return true })
	next := time.Now().Add(actor.Shortened(hintFirst))
	for actor.Wake(nil).Until(ctx, next); ctx.Err() == nil; actor.Wake(nil).Until(ctx, next) {
		limited, cancel := h.i.c.Bound(ctx)
		if err := h.refresh(limited); err != nil && ctx.Err() == nil {
			h.i.c.Log.Debug(func(e *zerolog.Event) { e.Err(redisconn.Classify(err)).Msg("rollcall: no hints of keyspace events") })
		}
		cancel()
		next = time.Now().Add(actor.Shortened(hintRefreshEvery))
	}
}

// refresh subscribes to the pattern of each namespace on each master that sends keyspace
// events. ctx bounds the calls, not the subscriptions.
func (h *hints) refresh(ctx context.Context) error {
	patterns, err := h.patterns()
	if err != nil || len(patterns) == 0 {
		return err
	}
	masters := map[string]*redis.Client{}
	var mu sync.Mutex
	err = h.i.c.EachMaster(ctx, func(_ context.Context, m *redis.Client) error {
		mu.Lock()
		defer mu.Unlock()
		masters[h.i.c.Address(m)] = m
		return nil
	})
	if err != nil {
		return err
	}
	h.closeIf(func(addr string, s *hintSubscription) bool {
		select {
		case <-s.ended:
			return true
		default:
			return masters[addr] == nil
		}
	})
	for addr, m := range masters {
		if h.subs[addr] == nil && !time.Now().Before(h.checkAt[addr]) {
			sends, failed := sendsExpired(ctx, m, h.i.o.EnableHints)
			err = cmp.Or(err, failed)
			h.checkAt[addr] = time.Now().Add(actor.Shortened(hintCheckEvery))
			if sends {
				h.subs[addr] = h.subscribe(m)
			}
		}
		if s := h.subs[addr]; s != nil {
			s.want(patterns)
		}
	}
	return err
}

// patterns returns the patterns of all namespaces that hints are wanted of. A service that
// was not read yet wants none: its first read has the connection, and no other is made.
func (h *hints) patterns() ([]string, error) {
	var namespaces []string
	if wanted := h.i.o.Namespaces; wanted != nil {
		namespaces = wanted()
	}
	err := h.i.call(func() {
		for _, f := range h.i.feeds {
			if f.state.Clock.Known() {
				namespaces = append(namespaces, f.service.Namespace())
			}
		}
	})
	if err != nil {
		return nil, err
	}
	slices.Sort(namespaces)
	var patterns []string
	for _, ns := range slices.Compact(namespaces) {
		patterns = append(patterns, h.i.c.Space.NodesPattern(ns, h.i.c.DB))
	}
	return patterns, nil
}

func (h *hints) subscribe(m *redis.Client) *hintSubscription {
	s := &hintSubscription{ended: make(chan struct{}), patterns: map[string]bool{}}
	s.subscription = newSubscription(h.i.ctx, m.Subscribe(h.i.ctx), h.i.o.Poll, h.i.c.Meet, func(sig signal) { h.handleSignal(s, sig) })
	return s
}

// want subscribes to the patterns that are new.
func (s *hintSubscription) want(patterns []string) {
	for _, p := range patterns {
		if !s.patterns[p] {
			s.patterns[p] = true
			s.subscription.subscribe(channel{name: p, pattern: true})
		}
	}
}

// closeIf ends the subscriptions for which it returns true.
func (h *hints) closeIf(ends func(addr string, s *hintSubscription) bool) {
	for addr, s := range h.subs {
		if ends(addr, s) {
			s.close(errdefs.ErrClosed)
			s.wait()
			delete(h.subs, addr)
			delete(h.checkAt, addr)
		}
	}
}

// handleSignal takes what a subscription reports, in its reader's goroutine.
func (h *hints) handleSignal(s *hintSubscription, sig signal) {
	switch {
	case sig.ended:
		close(s.ended)
	case sig.refused != nil:
		h.i.c.Log.Debug(func(e *zerolog.Event) {
			e.Err(redisconn.Classify(sig.err)).Str("pattern", sig.refused.name).Msg("rollcall: keyspace events are refused")
		})
	case sig.message != nil && sig.message.Payload == "expired":
		if _, key, ok := strings.Cut(sig.message.Channel, "__:"); ok {
			if service, _, err := h.i.c.Space.ParseNode(key); err == nil {
				h.i.expired(service)
			}
		}
	}
}

// expired takes the hint that a node of a service has expired.
func (i *Informer) expired(service keys.Service) {
	at := time.Now().Add(rand.N(hintSpread))
	if i.o.Expired != nil {
		i.o.Expired(service, at)
	}
	i.do(func() {
		if f := i.feed(service); f != nil {
			f.state.Poll(at)
			i.reschedule(f)
		}
	})
}

// sendsExpired reports whether a server sends keyspace events of expired keys. Where enable
// is set, it has the server send them; flags that others have set stay.
func sendsExpired(ctx context.Context, client *redis.Client, enable bool) (bool, error) {
	const flag = "notify-keyspace-events"
	config, err := client.ConfigGet(ctx, flag).Result()
	if err != nil {
		return enable, nil // the user may not read it: listen where that was asked for
	}
	have := config[flag]
	want := have
	if !strings.Contains(have, "K") {
		want += "K"
	}
	if !strings.ContainsAny(have, "Ax") {
		want += "x"
	}
	if want == have || !enable {
		return want == have, nil
	}
	if err := client.ConfigSet(ctx, flag, want).Err(); err != nil {
		return false, errdefs.Join(errors.New("keyspace events cannot be turned on"), err)
	}
	return true, nil
}
