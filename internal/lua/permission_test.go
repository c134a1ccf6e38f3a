package lua

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/redistest"
)

// allowed is all that a registrar may do, as one would write it into an ACL.
var allowed = []string{
	"reset", "on", ">secret", "~luatest:*", "&luatest:*", "-@all", "+hello", "+eval", "+evalsha",
	"+time", "+hmget", "+hget", "+hset", "+hdel", "+del", "+zscore", "+zadd", "+zrem", "+zrange",
	"+pexpire", "+pttl", "+llen", "+lpush", "+ltrim", "+publish",
}

// as returns the stage's server as a user sees it to whom rules apply.
func (s *stage) as(srv *redistest.Server, rules ...string) *server {
	s.Helper()
	ctx := s.Context()
	s.set(srv.Client().ACLSetUser(ctx, "registrar", rules...).Err())
	o := *srv.Client().Options()
	o.Username, o.Password = "registrar", "secret"
	c := redis.NewClient(&o)
	s.Cleanup(func() {
		_ = c.Close()
		_ = srv.Client().ACLDelUser(context.WithoutCancel(ctx), "registrar").Err()
	})
	return &server{name: "restricted", client: c}
}

// everyCall makes one call of every script that changes something, on a stage
// of the scenario refused, as the stage's server is now.
func everyCall(s *stage) map[string]reply {
	got := map[string]reply{}
	for _, w := range writings {
		got[w.name] = w.call(s)
	}
	return got
}

func TestPermissionOfTheDocumentedACLSuffices(t *testing.T) {
	srv := redistest.SharedStandalone(t)
	restricted(t, srv, allowed, func(s *stage) {
		for name, r := range everyCall(s) {
			if r.Err != nil || r.Unpublished != nil {
				t.Errorf("%s: error %v, unpublished %v", name, r.Err, r.Unpublished)
			}
		}
	})
}

// restricted plays on a stage of the scenario refused as a user of these rules.
func restricted(t *testing.T, srv *redistest.Server, rules []string, play func(s *stage)) {
	t.Helper()
	refused(t.Name(), func(s *stage) {
		s.server = s.as(srv, rules...)
		play(s)
	}).play(newStage(t, standalone(t), t.Name()))
}

// TestPermissionToPublish takes away what PUBLISH needs: the changes stand, and
// callers learn why nobody heard of them.
func TestPermissionToPublish(t *testing.T) {
	for name, rule := range map[string]string{"command": "-publish", "channel": "resetchannels"} {
		t.Run(name, func(t *testing.T) {
			srv := redistest.SharedStandalone(t)
			restricted(t, srv, append(slices.Clone(allowed), rule), func(s *stage) {
				r := s.register(node("a", ours, 2), node("new", ours, 1))
				if r.Err != nil || !IsPermission(r.Unpublished) {
					t.Errorf("error %v, unpublished %v, want only the latter, a permission", r.Err, r.Unpublished)
				}
				if d := cmp.Diff([]Code{Done, Done}, r.Codes); d != "" {
					t.Errorf("codes (-want +got):\n%s", d)
				}
				if r := s.deregister(at("b", ours, 1)); r.Err != nil || !IsPermission(r.Unpublished) {
					t.Errorf("deregister: error %v, unpublished %v", r.Err, r.Unpublished)
				}
				s.server = standalone(t)
				want := []string{
					"a live ours/2 rev 5 10m, indexed 10m", "b gone self ours/1 1m, not indexed",
					"late no hash, indexed -5m", "new live ours/1 rev 6 10m, indexed 10m",
				}
				all := s.dump()
				if d := cmp.Diff(want, s.nodes(all)); d != "" {
					t.Errorf("nodes (-want +got):\n%s", d)
				}
				if log := all[s.svc.Log()].Items; len(log) != 7 || all[s.svc.Version()].Fields["rev"] != "7" {
					t.Errorf("version %v and log %v, want 7 changes", all[s.svc.Version()], log)
				}
			})
		})
	}
}

// TestPermissionDenied takes away one right at a time: whoever has to tell,
// tells that it is a permission.
func TestPermissionDenied(t *testing.T) {
	for name, rules := range map[string][]string{
		"evalsha":           {"-evalsha"},
		"every key":         {"resetkeys"},
		"other keys only":   {"resetkeys", "~other:*"},
		"keys to read only": {"resetkeys", "%R~luatest:*"},
		"time":              {"-time"},
		"hmget":             {"-hmget"},
		"hset":              {"-hset", "-pexpire"},
		"every command":     {"-@all"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := redistest.SharedStandalone(t)
			restricted(t, srv, append(slices.Clone(allowed), rules...), func(s *stage) {
				for call, r := range everyCall(s) {
					if name == "hset" && (call == "reap" || call == "undo override") {
						continue // these fail later, or not at all
					}
					if !IsPermission(r.Err) {
						t.Errorf("%s: error %v, want a permission", call, r.Err)
					}
				}
			})
		})
	}
}

func TestPermissionToSendSource(t *testing.T) {
	srv := redistest.SharedStandalone(t)
	restricted(t, srv, append(slices.Clone(allowed), "-eval"), func(s *stage) {
		s.renew(at("a", ours, 1)).is(Done)
		s.set(srv.Client().ScriptFlush(t.Context()).Err())
		if r := s.renew(at("a", ours, 1)); !IsPermission(r.Err) {
			t.Errorf("error %v, want a permission", r.Err)
		}
	})
}

func TestPermissionOfAPassword(t *testing.T) {
	srv := redistest.Start(t, "--requirepass", "secret")
	for name, password := range map[string]string{"none": "", "wrong": "guess"} {
		t.Run(name, func(t *testing.T) {
			o := *srv.Client().Options()
			o.Password = password
			c := redis.NewClient(&o)
			t.Cleanup(func() { _ = c.Close() })
			s := &stage{T: t, server: &server{client: c}, after: time.Minute, nonces: map[int64][]string{}}
			if r := s.renew(at("a", ours, 1)); !IsPermission(r.Err) {
				t.Errorf("error %v, want a permission", r.Err)
			}
		})
	}
}

func TestIsPermission(t *testing.T) {
	for _, tc := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{context.DeadlineExceeded, false},
		{ErrLate, false},
		{&WrongTypeError{Key: "k"}, false},
		{errors.New("TRYAGAIN Multiple keys request during rehashing of slot"), false},
		{errors.New("OOM command not allowed when used memory > 'maxmemory'."), false},
		{errors.New("NOSCRIPT No matching script. Please use EVAL."), false},
		{errors.New("READONLY You can't write against a read only replica."), false},
		{errors.New("ERR unknown command 'EVALSHA', with args beginning with: 'a'"), false},
		{errors.New("NOPERM this user has no permissions to run the 'evalsha' command"), true},
		{errors.New("NOPERM No permissions to access a key"), true},
		{errors.New("ERR The user executing the script can't run this command or subcommand script: abc"), true},
		{errors.New("ERR The user executing the script can't access at least one of the keys mentioned in the command arguments"), true},
		{errors.New("ERR The user executing the script can't publish to the channel mentioned in the command"), true},
		{errors.New("ERR ACL failure in script: User x has no permissions to run the 'publish' command"), true},
		{errors.New("NOAUTH Authentication required."), true},
		{errors.New("WRONGPASS invalid username-password pair or user is disabled."), true},
		{fmt.Errorf("renew: %w", errors.New("NOPERM no")), true},
	} {
		if got := IsPermission(tc.err); got != tc.want {
			t.Errorf("IsPermission(%v) = %t, want %t", tc.err, got, tc.want)
		}
	}
}
