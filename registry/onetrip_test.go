package registry_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/record"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// trips are the commands that a client sends for a call: of each trip, the first one.
type trips struct {
	mu   sync.Mutex
	sent []string
}

func (*trips) DialHook(next redis.DialHook) redis.DialHook { return next }

func (c *trips) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		c.note(cmd)
		return next(ctx, cmd)
	}
}

func (c *trips) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		c.note(cmds[0])
		return next(ctx, cmds)
	}
}

func (c *trips) note(cmd redis.Cmder) {
	c.mu.Lock()
	defer c.mu.Unlock()
	name := cmd.Name()
	if script := scriptOf(cmd); script != "" {
		name = script
	}
	c.sent = append(c.sent, name)
}

// during returns what is sent while do runs.
func (c *trips) during(do func()) string {
	c.mu.Lock()
	c.sent = nil
	c.mu.Unlock()
	do()
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Join(c.sent, " ")
}

// quiet returns a registry that sends nothing by itself for the time of a test, with what
// it sends.
func quiet(t *testing.T, server *redistest.Server) (*registry.Redis, *trips) {
	t.Helper()
	client, sent := dial(t, server), &trips{}
	client.AddHook(sent)
	return open(t, at(server), registry.Client(client), registry.TTL(time.Hour)), sent
}

// A new node takes one trip: the start of its lease is guessed from what earlier answers
// said of Redis's clock, and its version is listed already.
func TestANewNodeTakesOneTrip(t *testing.T) {
	t.Parallel()
	r, sent := quiet(t, redistest.Start(t))
	register(t, r, service("shop", node("a")))
	if got := sent.during(func() { register(t, r, service("shop", node("b"))) }); got != "register" {
		t.Errorf("a new node: %q, want one call of register", got)
	}
	changed := node("b")
	changed.Weight = 7
	if got := sent.during(func() { register(t, r, service("shop", changed)) }); got != "register" {
		t.Errorf("a change: %q, want one call of register", got)
	}
	if got := sent.during(func() { register(t, r, service("cart", node("a"))) }); got != "announce register" {
		t.Errorf("a new service: %q, want announce and register", got)
	}
}

// Whatever the clocks say, the process that registers last has the node: where the guess
// is behind the lease of the holder, one more trip follows.
func TestAGuessThatIsBehind(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		ahead time.Duration // of the holder's lease
		opts  []registry.RegisterOption
		want  string
		err   error
	}{
		"an hour":                {time.Hour, nil, "register register", nil},
		"nothing":                {-time.Second, nil, "register", nil},
		"an hour, and exclusive": {time.Hour, []registry.RegisterOption{registry.RegisterExclusive()}, "register register hget", registry.ErrConflict},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			r, sent := quiet(t, server)
			register(t, r, service("shop", node("a")))
			stored := storedServiceOf(t, server.Client(), "shop")
			holder := record.Lease{Start: time.Now().Add(tc.ahead).UnixMicro(), Nonce: "00000000000a"}.String()
			if err := server.Client().HSet(t.Context(), stored.Node("b"), "lease", holder+" 1 3600000 1", "data", "{}").Err(); err != nil {
				t.Fatal(err)
			}
			got := sent.during(func() {
				if err := r.Register(t.Context(), service("shop", node("b")), tc.opts...); !errors.Is(err, tc.err) {
					t.Errorf("%v, want %v", err, tc.err)
				}
			})
			if got != tc.want {
				t.Errorf("%q, want %q", got, tc.want)
			}
			held, err := record.ParseHolder(server.Client().HGet(t.Context(), stored.Node("b"), "lease").Val())
			if (held.Lease == holder) != (tc.err != nil) || err != nil {
				t.Errorf("%+v has the node, %v", held, err)
			}
		})
	}
}

// Where a failover promotes a master whose clock is behind, the guess is ahead. It takes no
// node: one more trip follows, and the next process that registers has the node.
func TestAGuessThatIsAheadOfAPromotedMaster(t *testing.T) {
	t.Parallel()
	for _, behind := range []time.Duration{300 * time.Millisecond, time.Hour} {
		t.Run(behind.String(), func(t *testing.T) {
			t.Parallel()
			old, promoted := redistest.Start(t), miniredis.RunT(t)
			promoted.SetTime(time.Now().Add(-behind))
			var master atomic.Value
			master.Store(old.Addr())
			client, sent := dial(t, old), &trips{}
			client.Options().Dialer = func(ctx context.Context, network, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, network, master.Load().(string))
			}
			client.AddHook(sent)
			r := open(t, at(old), registry.Client(client), registry.TTL(time.Hour))
			register(t, r, service("shop", node("a")))
			stored := storedServiceOf(t, old.Client(), "shop")

			master.Store(promoted.Addr())
			old.Kill()
			// The first call finds no script there, the second one is refused.
			if got := sent.during(func() { register(t, r, service("shop", node("b"))) }); strings.Count(got, "register") != 3 {
				t.Errorf("%q, want three calls of register", got)
			}
			first, err := record.ParseHolder(promoted.HGet(stored.Node("b"), "lease"))
			if err != nil {
				t.Fatal(err)
			}
			register(t, open(t, at(promoted)), service("shop", node("b")))
			next, err := record.ParseHolder(promoted.HGet(stored.Node("b"), "lease"))
			if err != nil || next.Start <= first.Start {
				t.Errorf("%+v follows %+v, %v", next, first, err)
			}
		})
	}
}
