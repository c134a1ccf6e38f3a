package registry

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

// hints listens to keyspace events: Redis then tells of a lease that ran out
// about when it notices itself, sooner than a look on time would find it. They
// are hints, no more: what they say is looked up, and everything works without.
//
// One goroutine owns one subscription for each master that sends them, with one
// pattern for each namespace that is served or watched here.
type hints struct {
	r     *Redis
	c     *conn
	subs  map[string]*hintSub  // by master
	askAt map[string]time.Time // when to ask a master again whether it sends them
}

type hintSub struct {
	sub      *subscription
	ended    chan struct{}
	patterns map[string]bool
}

const (
	hintEvery    = 2 * time.Second  // the namespaces and the masters are looked over
	hintAskEvery = 30 * time.Second // a master that sends none is asked again
	hintSpread   = 50 * time.Millisecond
)

// listen is the goroutine.
func (x *hints) listen(ctx context.Context) {
	if x.c.o.KeyspaceEvents == KeyspaceOff {
		return
	}
	defer x.drop(func(string, *hintSub) bool { return true })
	for ctx.Err() == nil {
		limited, cancel := x.c.Bound(ctx)
		if err := x.attend(ctx, limited); err != nil && ctx.Err() == nil {
			x.c.Log.Debug(func(e *zerolog.Event) { e.Err(redisconn.Classify(err)).Msg("rollcall: no hints of keyspace events") })
		}
		cancel()
		actor.Wake(nil).Until(ctx, time.Now().Add(actor.Shortened(hintEvery)))
	}
}

// attend has a subscription to each namespace's pattern on each master that
// sends keyspace events.
func (x *hints) attend(ctx, limited context.Context) error {
	patterns := x.r.hintPatterns(x.c)
	if len(patterns) == 0 {
		return nil
	}
	masters := map[string]*redis.Client{}
	var mu sync.Mutex
	err := x.c.EachMaster(limited, func(_ context.Context, m *redis.Client) error {
		mu.Lock()
		defer mu.Unlock()
		masters[x.c.Address(m)] = m
		return nil
	})
	if err != nil {
		return err
	}
	x.drop(func(addr string, s *hintSub) bool {
		select {
		case <-s.ended:
			return true
		default:
			return masters[addr] == nil
		}
	})
	for addr, m := range masters {
		if x.subs[addr] == nil && !time.Now().Before(x.askAt[addr]) {
			on, asked := x.c.notifying(limited, m)
			err = cmp.Or(err, asked)
			x.askAt[addr] = time.Now().Add(actor.Shortened(hintAskEvery))
			if on {
				x.subs[addr] = x.subscribe(ctx, m)
			}
		}
		if s := x.subs[addr]; s != nil {
			s.want(patterns)
		}
	}
	return err
}

func (x *hints) subscribe(ctx context.Context, m *redis.Client) *hintSub {
	s := &hintSub{ended: make(chan struct{}), patterns: map[string]bool{}}
	s.sub = newSubscription(ctx, m.Subscribe(ctx), x.c.o.PollInterval, x.c.Meet, func(sig signal) { x.hear(s, sig) })
	return s
}

// want asks for the patterns that were not asked for before.
func (s *hintSub) want(patterns []string) {
	for _, p := range patterns {
		if !s.patterns[p] {
			s.patterns[p] = true
			s.sub.ask(ask{channel: channel{name: p, pattern: true}})
		}
	}
}

// drop ends subscriptions.
func (x *hints) drop(which func(addr string, s *hintSub) bool) {
	for addr, s := range x.subs {
		if which(addr, s) {
			s.sub.close(ErrClosed)
			s.sub.wait()
			delete(x.subs, addr)
			delete(x.askAt, addr)
		}
	}
}

// hear takes what a subscription reports, in its reader's goroutine.
func (x *hints) hear(s *hintSub, sig signal) {
	switch {
	case sig.ended:
		close(s.ended)
	case sig.refused != nil:
		x.c.Log.Debug(func(e *zerolog.Event) {
			e.Err(redisconn.Classify(sig.err)).Str("pattern", sig.refused.name).Msg("rollcall: keyspace events are refused")
		})
	case sig.message != nil && sig.message.Payload == "expired":
		if _, key, ok := strings.Cut(sig.message.Channel, "__:"); ok {
			if k, _, err := x.c.Space.ParseNode(key); err == nil {
				x.r.hinted(x.c, k)
			}
		}
	}
}

// hinted has the reaper and the hub look at a service now, or just after: others
// have had the same hint.
func (r *Redis) hinted(c *conn, k keys.Service) {
	now := time.Now().Add(rand.N(hintSpread))
	c.registrar.Expired(k, now)
	r.mu.Lock()
	h := r.actors.hub
	r.mu.Unlock()
	if h != nil {
		h.do(func() {
			if f := h.feeds[k.Events(c.DB)]; f != nil {
				f.Poll(now)
				h.plan(f)
			}
		})
	}
}

// hintPatterns are the patterns of the namespaces that are served or watched.
func (r *Redis) hintPatterns(c *conn) []string {
	r.mu.Lock()
	var patterns []string
	h := r.actors.hub
	r.mu.Unlock()
	for _, ns := range c.registrar.Namespaces() {
		patterns = append(patterns, c.Space.NodesPattern(ns, c.DB))
	}
	if h != nil {
		told := make(chan struct{})
		h.do(func() {
			for _, f := range h.feeds {
				patterns = append(patterns, c.Space.NodesPattern(f.service.Namespace(), c.DB))
			}
			close(told)
		})
		select {
		case <-told:
		case <-h.ctx.Done():
			return nil
		}
	}
	slices.Sort(patterns)
	return slices.Compact(patterns)
}

// notifying tells whether a server sends keyspace events of expired keys, and
// has it do so where the options ask for it. Flags that others set stay.
func (c *conn) notifying(ctx context.Context, client *redis.Client) (bool, error) {
	const flag = "notify-keyspace-events"
	config, err := client.ConfigGet(ctx, flag).Result()
	if err != nil {
		return c.o.KeyspaceEvents == KeyspaceOn, nil // nobody can know: listen if that was asked for
	}
	have := config[flag]
	want := have
	if !strings.Contains(have, "K") {
		want += "K"
	}
	if !strings.ContainsAny(have, "Ax") {
		want += "x"
	}
	if want == have || c.o.KeyspaceEvents != KeyspaceOn {
		return want == have, nil
	}
	if err := client.ConfigSet(ctx, flag, want).Err(); err != nil {
		return false, errdefs.Join(errors.New("keyspace events cannot be turned on"), err)
	}
	return true, nil
}
