package lua

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/redistest"
)

func TestParse(t *testing.T) {
	now := int64(1_700_000_000_000_001)
	reply := func(v ...any) *redis.Cmd {
		cmd := redis.NewCmd(t.Context())
		cmd.SetVal(v)
		return cmd
	}
	for _, tc := range []struct {
		what  string
		nodes int
		cmd   *redis.Cmd
		want  Result // but for Err
		err   string // in Err
	}{
		{"codes", 2, reply(int64(0), now, "", int64(0), int64(1), int64(-4)), Result{Now: time.UnixMicro(now), Codes: []Code{Done, Conflict}}, ""},
		{"every code is 1", 2, reply(int64(4), now, "", int64(0)), Result{Now: time.UnixMicro(now), Codes: []Code{Done, Done}}, ""},
		{"holders", 2, reply(int64(0), now, "", int64(0), int64(-1), int64(-4), "a", "b"), Result{Now: time.UnixMicro(now), Codes: []Code{Superseded, Conflict}, Holders: []string{"a", "b"}}, ""},
		{"no codes", 0, reply(int64(0), now, "", int64(0)), Result{Now: time.UnixMicro(now)}, ""},
		{"next", 0, reply(int64(0), now, "", int64(1_700_000_000_007)), Result{Now: time.UnixMicro(now), Next: time.UnixMilli(1_700_000_000_007)}, ""},
		{"late", 0, reply(int64(1), now, "", int64(0)), Result{Now: time.UnixMicro(now)}, ErrLate.Error()},
		{"wrong type", 0, reply(int64(2), now, "k WRONGTYPE Operation against a key holding the wrong kind of value", int64(0)), Result{Now: time.UnixMicro(now)}, "key k holds a value of another type"},
		{"denied", 0, reply(int64(2), now, "k ERR The user executing the script can't run this command", int64(0)), Result{Now: time.UnixMicro(now)}, "key k: ERR The user executing the script"},
		{"malformed", 0, reply(int64(3), now, "ARGV[7]", int64(0)), Result{Now: time.UnixMicro(now)}, "argument ARGV[7]"},
		{"short", 0, reply(int64(0), now, ""), Result{}, "returned 3 values"},
		{"empty", 0, reply(), Result{}, "returned 0 values"},
		{"no status", 0, reply("0", now, "", int64(0)), Result{}, "want integers and a text"},
		{"no time", 0, reply(int64(0), nil, "", int64(0)), Result{}, "want integers and a text"},
		{"no detail", 0, reply(int64(0), now, int64(0), int64(0)), Result{}, "want integers and a text"},
		{"no next", 0, reply(int64(0), now, "", "0"), Result{}, "want integers and a text"},
		{"a code in words", 2, reply(int64(0), now, "", int64(0), int64(1), "1"), Result{Now: time.UnixMicro(now)}, "the code 1"},
		{"too few codes", 2, reply(int64(0), now, "", int64(0), int64(1)), Result{Now: time.UnixMicro(now)}, "1 codes for 2 nodes"},
	} {
		t.Run(tc.what, func(t *testing.T) {
			got := parse(tc.cmd, tc.nodes)
			if (got.Err == nil) != (tc.err == "") || got.Err != nil && !strings.Contains(got.Err.Error(), tc.err) {
				t.Errorf("error %v, want %q", got.Err, tc.err)
			}
			got.Err = nil
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Errorf("result (-want +got):\n%s", d)
			}
		})
	}
	if r := parse(reply(int64(0), now, "NOPERM publish", int64(0), int64(1)), 1); r.Err != nil || !IsPermission(r.Unpublished) {
		t.Errorf("error %v, unpublished %v, want only the latter", r.Err, r.Unpublished)
	}
	if r := parse(redis.NewCmdResult(nil, context.Canceled), 1); !errors.Is(r.Err, context.Canceled) {
		t.Errorf("error %v, want %v", r.Err, context.Canceled)
	}
	if r := parse(redis.NewCmdResult("OK", nil), 1); r.Err == nil {
		t.Error("no error for a text")
	}
}

// TestEveryCallTells wants each call of a pipeline to carry an error where there
// is no Redis, or no time.
func TestEveryCallTells(t *testing.T) {
	dead := redistest.Start(t)
	addr := dead.Addr()
	dead.Kill()
	late, cancel := context.WithCancel(t.Context())
	cancel()
	for what, tc := range map[string]struct {
		ctx  context.Context
		srv  *server
		want error
	}{
		"no server listens":          {t.Context(), connect(t, redistest.Topology{Addrs: []string{addr}}), nil},
		"no server listens, cluster": {t.Context(), connect(t, redistest.Topology{Addrs: []string{addr}, Cluster: true}), nil},
		"call cancelled":             {late, standalone(t), context.Canceled},
		"call cancelled, cluster":    {late, cluster(t), context.Canceled},
		"call cancelled, embedded":   {late, fake(t), context.Canceled},
	} {
		t.Run(what, func(t *testing.T) {
			call := RenewCall{
				Target: Target{Service: service(t, what), Deadline: time.Now().Add(time.Minute)},
				Nodes:  []Lease{at("a", ours, 1)},
			}
			for i, r := range Renew(tc.ctx, tc.srv.client, call, call, call) {
				if r.Err == nil || tc.want != nil && !errors.Is(r.Err, tc.want) {
					t.Errorf("call %d: error %v, want %v", i, r.Err, tc.want)
				}
				if !r.Now.IsZero() || r.Codes != nil || IsPermission(r.Err) || IsTryAgain(r.Err) {
					t.Errorf("call %d: %+v", i, r)
				}
			}
		})
	}
	if r := Renew(t.Context(), standalone(t).client); len(r) != 0 {
		t.Errorf("results of no calls: %v", r)
	}
}
