package registry_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/redisconn"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// slack is what a busy machine may add to a promised time.
const slack = 5 * time.Second

// within polls check, as eventually does, and logs how long it took.
func within(t *testing.T, promise time.Duration, what string, check func() error) {
	t.Helper()
	since(t, time.Now(), promise, what, check)
}

// since is within for a time that began before.
func since(t *testing.T, began time.Time, promise time.Duration, what string, check func() error) {
	t.Helper()
	eventually(t, time.Until(began.Add(promise+slack)), check)
	t.Logf("%s: %v, promised %v", what, time.Since(began).Round(time.Millisecond), promise)
}

// bounded fails if a call that began then took longer than it may.
func bounded(t *testing.T, began time.Time, limit time.Duration, what string) {
	t.Helper()
	took := time.Since(began)
	t.Logf("%s returned after %v, bound %v", what, took.Round(time.Millisecond), limit)
	if took > limit+slack {
		t.Errorf("%s took %v, bound %v", what, took, limit)
	}
}

// at is the topology of one server, or of a proxy before it.
func at(s interface{ Addr() string }) redistest.Topology {
	return redistest.Topology{Name: "standalone", Addrs: []string{s.Addr()}}
}

// dial makes a client to share with a registry. Its pool is large: after as many failed
// dials as that has places, go-redis learns up to a second late that Redis is back.
func dial(t *testing.T, s interface{ Addr() string }) *redis.Client {
	t.Helper()
	c := redis.NewClient(&redis.Options{
		Addr: s.Addr(), PoolSize: 1000, DialerRetries: 1, ContextTimeoutEnabled: true, DisableIdentity: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// A storedService reads the keys of one service in Redis.
type storedService struct {
	t *testing.T
	c redis.UniversalClient
	keys.Service
}

func storedServiceOf(t *testing.T, c redis.UniversalClient, name string) storedService {
	t.Helper()
	return storedService{t, c, space(t).Service("default", name)}
}

// lease returns the lease of a node, "" where it has none.
func (l storedService) lease(id string) string {
	l.t.Helper()
	holder, err := l.c.HGet(l.t.Context(), l.Node(id), "lease").Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		l.t.Fatal(err)
	}
	lease, _, _ := strings.Cut(holder, " ")
	return lease
}

// version returns epoch and rev.
func (l storedService) version() (epoch string, rev int) {
	l.t.Helper()
	at, err := redisconn.Version(redisconn.AskVersion(l.t.Context(), l.c, l.Service))
	if err != nil {
		l.t.Fatal(err)
	}
	return at.Epoch, int(at.Rev)
}

// changes returns what the log holds, the oldest first, as "put a".
func (l storedService) changes() []string {
	l.t.Helper()
	entries, err := l.c.LRange(l.t.Context(), l.Log(), 0, -1).Result()
	if err != nil {
		l.t.Fatal(err)
	}
	slices.Reverse(entries)
	for i, e := range entries {
		f := strings.Fields(e) // tag time kind lease id
		entries[i] = f[2] + " " + f[4]
	}
	return entries
}

// expired returns the nodes that a reaper removed.
func (l storedService) expired() []string {
	l.t.Helper()
	var ids []string
	for _, change := range l.changes() {
		if id, ok := strings.CutPrefix(change, "exp "); ok {
			ids = append(ids, id)
		}
	}
	return ids
}

// indexed returns nil once the index lists exactly these nodes.
func (l storedService) indexed(ids ...string) error {
	got, err := l.c.ZRange(l.t.Context(), l.Index(), 0, -1).Result()
	if err != nil {
		return err
	}
	if !same(got, ids) {
		return fmt.Errorf("the index lists %v, want %v", got, ids)
	}
	return nil
}

// showsOnly returns nil once GetService shows exactly these nodes.
func showsOnly(ctx context.Context, r *registry.Redis, name string, ids ...string) error {
	services, err := r.GetService(ctx, name)
	if err != nil && (len(ids) > 0 || !errors.Is(err, registry.ErrNotFound)) {
		return err
	}
	var got []string
	for _, s := range services {
		for _, n := range s.Nodes {
			got = append(got, n.ID)
		}
	}
	if !same(got, ids) {
		return fmt.Errorf("%s has the nodes %v, want %v", name, got, ids)
	}
	return nil
}

// same reports whether two lists hold the same, in whatever order.
func same(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// rounds are the renewals of one registry.
type rounds chan registry.RenewEvent

func newRounds() rounds { return make(rounds, 100_000) }

func (r rounds) option() registry.Option {
	return registry.Observe(func(e registry.Event) {
		if e, ok := e.(registry.RenewEvent); ok {
			r <- e
		}
	})
}

// good waits for n rounds that succeeded, from now on.
func (r rounds) good(t *testing.T, n int) {
	t.Helper()
	r.wait(t, n, func(e registry.RenewEvent) bool { return e.Err == nil })
}

// bad waits for n rounds that failed, from now on.
func (r rounds) bad(t *testing.T, n int) {
	t.Helper()
	r.wait(t, n, func(e registry.RenewEvent) bool { return e.Err != nil })
}

func (r rounds) wait(t *testing.T, n int, which func(registry.RenewEvent) bool) {
	t.Helper()
	for len(r) > 0 {
		<-r
	}
	deadline := time.After(patience)
	for got := 0; got < n; {
		select {
		case e := <-r:
			if which(e) {
				got++
			}
		case <-deadline:
			t.Fatalf("%d rounds within %v, want %d", got, patience, n)
		}
	}
}

// A tap is called with every script before a client sends it, by the name of its
// file.
type tap func(script string)

func (tap) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (tap) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (f tap) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		for _, cmd := range cmds {
			if script := scriptOf(cmd); script != "" {
				f(script)
			}
		}
		return next(ctx, cmds)
	}
}

// A dropFirstCall hook keeps the first call of a script from Redis.
type dropFirstCall struct {
	script string
	done   atomic.Bool
}

func (*dropFirstCall) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (*dropFirstCall) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (u *dropFirstCall) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if scriptOf(cmds[0]) != u.script || !u.done.CompareAndSwap(false, true) {
			return next(ctx, cmds)
		}
		for _, cmd := range cmds {
			cmd.SetErr(os.ErrDeadlineExceeded)
		}
		return os.ErrDeadlineExceeded
	}
}

// scriptOf knows a script by how many keys it has, whether it has a channel, and how many
// arguments come for each node; "" is no script.
func scriptOf(cmd redis.Cmder) string {
	if cmd.Name() != "evalsha" && cmd.Name() != "eval" {
		return ""
	}
	n := cmd.Args()[2].(int)
	args := cmd.Args()[3+n:]
	switch {
	case n == 1:
		return "announce"
	case n < 3 || !strings.Contains(fmt.Sprint(args[1]), ":events:"): // it publishes nothing
		return "renew"
	}
	switch len(args) {
	case 4 + 4*(n-3):
		return "register"
	case 5 + 2*(n-3):
		return "deregister"
	default:
		return "reap"
	}
}

// scriptCalls returns how many scripts a server has been sent.
func scriptCalls(t *testing.T, s *redistest.Server) int {
	t.Helper()
	return commandCalls(t, s, "eval", "evalsha")
}

// commandCalls returns how often a server was sent these commands, by their names in
// commandstats.
func commandCalls(t *testing.T, s *redistest.Server, names ...string) (calls int) {
	t.Helper()
	info, err := s.Client().Info(t.Context(), "commandstats").Result()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(info) {
		var n int
		for _, name := range names {
			if _, err := fmt.Sscanf(line, "cmdstat_"+name+":calls=%d,", &n); err == nil {
				calls += n
			}
		}
	}
	return calls
}
