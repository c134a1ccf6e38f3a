package redistest_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/redistest"
)

func TestClusterFailover(t *testing.T) {
	for _, way := range []struct {
		name       string
		fail, mend func(old *redistest.Server)
	}{
		{"killed", (*redistest.Server).Kill, func(old *redistest.Server) { old.Restart(false) }},
		{"paused", (*redistest.Server).Pause, (*redistest.Server).Resume},
	} {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel() // each mostly waits
			c := redistest.StartCluster(t)
			if len(c.Addrs()) != 6 || len(c.Servers()) != 6 || len(c.Masters()) != 3 {
				t.Fatalf("%d servers, %d masters", len(c.Addrs()), len(c.Masters()))
			}
			old := c.MasterFor("k")
			way.fail(old)
			c.WaitFailover(old)
			master := c.MasterFor("k")
			if master == old {
				t.Fatal("the master is the old one")
			}
			if err := master.Client().Set(t.Context(), "k", "v", 0).Err(); err != nil {
				t.Errorf("write to the new master: %v", err)
			}
			way.mend(old)
			c.WaitHealthy()
			if n, err := old.Client().DBSize(t.Context()).Result(); n != 1 || err != nil {
				t.Errorf("the old master, now a replica, has %d keys, %v", n, err)
			}
			c.Flush()
			if n, err := master.Client().DBSize(t.Context()).Result(); n != 0 || err != nil {
				t.Errorf("%d keys after Flush, %v", n, err)
			}
		})
	}
}

// asking sends a command that another server has answered with ASK.
func asking(ctx context.Context, c *redis.Client, args ...any) redis.Cmder {
	p := c.Pipeline()
	p.Do(ctx, "ASKING")
	cmd := p.Do(ctx, args...)
	_, _ = p.Exec(ctx)
	return cmd
}

func TestMigrate(t *testing.T) {
	const moved, left = "{s}moved", "{s}left"
	ctx := t.Context()
	c := redistest.SharedCluster(t)
	from := c.MasterFor(moved)
	for _, key := range []string{moved, left} {
		if err := from.Client().Set(ctx, key, key, 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	// answers says how From answers about the keys, one of them absent.
	answers := func(to *redistest.Server, absent string) map[string]string {
		first := func(cmd redis.Cmder) string {
			if cmd.Err() == nil {
				return "OK"
			}
			return strings.Fields(cmd.Err().Error())[0]
		}
		cl := from.Client()
		both := first(cl.MGet(ctx, moved, left))
		if both == "ASK" { // before Redis 7; a client follows that
			both = first(asking(ctx, to.Client(), "MGET", moved, left))
		}
		return map[string]string{
			"moved":  first(cl.Get(ctx, moved)),
			"left":   first(cl.Get(ctx, left)),
			"both":   both,
			"absent": first(cl.Set(ctx, absent, "", 0)),
		}
	}

	for _, end := range []struct {
		name    string
		act     func(*redistest.Migration)
		owner   func(*redistest.Migration) *redistest.Server
		answers map[string]string
	}{
		{
			"undone", (*redistest.Migration).Undo,
			func(m *redistest.Migration) *redistest.Server { return m.From },
			map[string]string{"moved": "OK", "left": "OK", "both": "OK", "absent": "OK"},
		},
		{
			"finished", (*redistest.Migration).Finish,
			func(m *redistest.Migration) *redistest.Server { return m.To },
			map[string]string{"moved": "MOVED", "left": "MOVED", "both": "MOVED", "absent": "MOVED"},
		},
	} {
		t.Run(end.name, func(t *testing.T) {
			m := c.Migrate(moved)
			m.Move(moved)
			want := map[string]string{"moved": "ASK", "left": "OK", "both": "TRYAGAIN", "absent": "ASK"}
			if diff := cmp.Diff(want, answers(m.To, moved+end.name)); diff != "" {
				t.Errorf("during the migration (-want +got):\n%s", diff)
			}
			end.act(m)
			if got, want := c.MasterFor(moved), end.owner(m); got != want {
				t.Errorf("the slot is at %s, want %s", got.Addr(), want.Addr())
			}
			if diff := cmp.Diff(end.answers, answers(m.To, moved+end.name)); diff != "" {
				t.Errorf("after it (-want +got):\n%s", diff)
			}
			for _, key := range []string{moved, left} {
				if got, err := c.MasterFor(key).Client().Get(t.Context(), key).Result(); got != key || err != nil {
					t.Errorf("%s = %q, %v", key, got, err)
				}
			}
		})
	}
}
