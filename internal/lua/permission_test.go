package lua

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/redistest"
)

// allowed is all that a registrar may do, as one would write it into an ACL.
var allowed = []string{
	"on", ">secret", "~luatest:*", "&luatest:*", "+hello", "+eval", "+evalsha",
	"+time", "+get", "+set", "+hget", "+hset", "+hdel", "+del", "+zscore", "+zmscore", "+zadd", "+zrem", "+zrange",
	"+pexpire", "+pttl", "+persist", "+hkeys", "+hlen", "+llen", "+lpush", "+ltrim", "+publish",
}

// restricted plays on the stage of refused, as a user to whom the rules apply.
func restricted(t *testing.T, rules []string, play func(s *stage)) {
	t.Helper()
	server := redistest.SharedStandalone(t)
	admin := server.Client()
	refused("", func(s *stage) {
		server.SetUser("registrar", rules...)
		o := *admin.Options()
		o.Username, o.Password = "registrar", "secret"
		c := redis.NewClient(&o)
		t.Cleanup(func() {
			_ = c.Close()
			_ = admin.ACLDelUser(context.WithoutCancel(t.Context()), "registrar").Err()
		})
		s.client = c
		play(s)
	}).play(newStage(t, standalone(t), t.Name()))
}

func TestPermissionsOfARegistrarSuffice(t *testing.T) {
	for _, w := range writings {
		restricted(t, allowed, func(s *stage) {
			if r := w.call(s); r.Err != nil || r.Unpublished != nil {
				t.Errorf("%s: error %v, unpublished %v", w.name, r.Err, r.Unpublished)
			}
		})
	}
}

// TestPermissionToPublish takes away what PUBLISH needs: the changes are made, and
// callers learn why no event came.
func TestPermissionToPublish(t *testing.T) {
	for name, rule := range map[string]string{"command": "-publish", "channel": "resetchannels"} {
		t.Run(name, func(t *testing.T) {
			restricted(t, slices.Concat(allowed, []string{rule}), func(s *stage) {
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
				want := []string{
					"a live ours/2 rev 5 10m, indexed 10m", "b gone self ours/1 1m, not indexed",
					"late no hash, indexed -5m", "new live ours/1 rev 6 10m, indexed 10m",
				}
				all := s.dump()
				if d := cmp.Diff(want, s.nodes(all)); d != "" {
					t.Errorf("nodes (-want +got):\n%s", d)
				}
				if log := all[s.svc.Log()].Items; len(log) != 7 || !strings.Contains(all[s.svc.Version()].Items[0], " 7 ") {
					t.Errorf("version %v and log %v, want 7 changes", all[s.svc.Version()], log)
				}
			})
		})
	}
}

// TestPermissionDenied takes away one right at a time: each call that
// needs the right returns that it is a permission.
func TestPermissionDenied(t *testing.T) {
	for _, tc := range []struct {
		right  string
		rules  []string
		spares []string // calls that do without
	}{
		{"evalsha", []string{"-evalsha"}, nil},
		{"every key", []string{"resetkeys"}, nil},
		{"our keys", []string{"resetkeys", "~other:*"}, nil},
		{"to write our keys", []string{"resetkeys", "%R~luatest:*"}, nil},
		{"time", []string{"-time"}, nil},
		{"hget", []string{"-hget"}, nil},
		{"zmscore", []string{"-zmscore"}, []string{"renew", "renew node", "override", "undo override"}},
		{"hset", []string{"-hset"}, []string{"renew", "renew node", "reap", "undo override"}},
		{"get", []string{"-get"}, []string{"renew", "renew node"}},
		{"set", []string{"-set"}, []string{"renew", "renew node"}},
		{"zrange", []string{"-zrange"}, []string{"renew node"}},
		{"every command", []string{"-@all"}, nil},
	} {
		t.Run(tc.right, func(t *testing.T) {
			if tc.right == "to write our keys" && !redistest.SharedStandalone(t).CanReadOnly() {
				for _, w := range writings { // before Redis 7, a user who may read a key may write it
					tc.spares = append(tc.spares, w.name)
				}
			}
			for _, w := range writings {
				restricted(t, slices.Concat(allowed, tc.rules), func(s *stage) {
					if r := w.call(s); IsPermission(r.Err) == slices.Contains(tc.spares, w.name) {
						t.Errorf("%s: error %v", w.name, r.Err)
					}
				})
			}
		})
	}
}

// TestPermissionToReadOverrides takes away, one at a time, what an override has to read: the
// override is not set without its event.
func TestPermissionToReadOverrides(t *testing.T) {
	for _, right := range []string{"hkeys", "hlen", "hget", "pttl", "zscore"} {
		restricted(t, slices.Concat(allowed, []string{"-" + right}), func(s *stage) {
			r := s.unchanged(func() reply { return s.operate(OverrideCall{ID: "b", Aspects: []Aspect{status(drained)}}) })
			if !IsPermission(r.Err) {
				t.Errorf("%s: error %v, want a permission", right, r.Err)
			}
		})
	}
}

func TestPermissionToSendSource(t *testing.T) {
	restricted(t, slices.Concat(allowed, []string{"-eval"}), func(s *stage) {
		s.renew(at("a", ours, 1)).is(Done)
		s.set(s.admin().ScriptFlush(t.Context()).Err())
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
			call := RenewCall{Target: Target{Service: service(t, name), Deadline: time.Now().Add(time.Minute)}}
			for i, r := range Renew(t.Context(), c, call, call) {
				if !IsPermission(r.Err) {
					t.Errorf("call %d: error %v, want a permission", i, r.Err)
				}
			}
		})
	}
}

// A connection from before the password was set: Redis refuses a long command there as a fault
// of the protocol.
func TestPermissionOfALongCall(t *testing.T) {
	srv := redistest.Start(t, "--requirepass", "secret")
	o := *srv.Client().Options()
	o.Password = ""
	c := redis.NewClient(&o)
	t.Cleanup(func() { _ = c.Close() })
	call := RenewCall{Target: Target{Service: service(t, "shop"), Deadline: time.Now().Add(time.Minute)}}
	for i := range 20 {
		call.Nodes = append(call.Nodes, at(fmt.Sprint("node", i), ours, 1))
	}
	if r := Renew(t.Context(), c, call)[0]; !IsPermission(r.Err) || !strings.Contains(r.Err.Error(), "unauthenticated multibulk length") {
		t.Errorf("error %v, want a permission", r.Err)
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
