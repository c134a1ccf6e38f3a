package registry_test

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// registrarRights are all that a process needs to register one service, shop,
// with all that follows: to renew, to withdraw, to reap, to be listed. In a
// cluster it also needs cluster|slots or cluster|shards. config|get, for the
// warning of eviction, is optional.
func registrarRights(prefix string) []string {
	return []string{
		"~" + prefix + ":{default/shop}:*", "~" + prefix + ":{default}:services", "~" + prefix + ":namespaces",
		"&" + prefix + ":{default/shop}:events:0",
		"+ping", "+multi", "+exec", "+time", "+evalsha", "+eval", // eval: when Redis forgot the script
		"+get", "+set", "+hget", "+hset", "+del", "+pexpire", "+pttl",
		"+zadd", "+zrem", "+zrange", "+zmscore", "+zremrangebyscore",
		"+llen", "+lpush", "+ltrim", "+publish",
	}
}

// readerRights are all that GetService and ListServices need, of any service.
func readerRights(prefix string) []string {
	return []string{
		"%R~" + prefix + ":*",
		"+ping", "+hmget", "+hscan", "+zrange",
		"+zscan", // for services of over 20,000 nodes
	}
}

// user makes a user with these rights and no others, and opens a registry as
// that user.
func user(t *testing.T, s *redistest.Server, rights []string, opts ...registry.Option) *registry.Redis {
	t.Helper()
	name := prefix(t)
	s.SetUser(name, append([]string{"on", ">secret"}, rights...)...)
	return open(t, redistest.Topology{Addrs: []string{s.Addr()}},
		append(opts, registry.Username(name), registry.Password("secret"))...)
}

// registrarsLife registers, renews, reaps and deregisters until something is
// denied, and returns what was.
func registrarsLife(t *testing.T, r *registry.Redis, b rawService, log *logBuffer) error {
	t.Helper()
	s := service("shop", node("a"))
	err := cmp.Or(r.Init(), r.Register(t.Context(), s, registry.RegisterTTL(2*time.Second))) // as the first node
	b.plant("crashed", time.Second, `{"v":1,"address":"10.0.0.9:80"}`)
	denied := func() error {
		for line := range strings.Lines(log.String()) {
			if strings.Contains(line, registry.ErrPermission.Error()) || strings.Contains(line, "allow PUBLISH") {
				return errors.New(line)
			}
		}
		return nil
	}
	if err == nil {
		b.extended("a", b.end("a")) // also where only reaping is denied
		eventually(t, patience, func() error {
			if denied() == nil && b.end("crashed") != 0 {
				return errors.New("neither reaped nor denied")
			}
			return nil
		})
	}
	return cmp.Or(err, r.Deregister(t.Context(), s), r.Close(t.Context()), denied())
}

func TestRegistrarRights(t *testing.T) {
	server := redistest.SharedStandalone(t)
	tp := redistest.Topology{Addrs: []string{server.Addr()}}
	t.Run("suffice", func(t *testing.T) {
		t.Parallel()
		log := &logBuffer{}
		r := user(t, server, registrarRights(prefix(t)), logInto(log))
		if err := registrarsLife(t, r, behind(t, tp, "shop"), log); err != nil {
			t.Errorf("denied: %v", err)
		}
	})
	for i, right := range registrarRights("") {
		if right == "+eval" || right == "+ltrim" {
			continue // needed for each script once, and where a log has become long
		}
		t.Run("all but "+right, func(t *testing.T) {
			t.Parallel()
			log := &logBuffer{}
			rights := registrarRights(prefix(t))
			r := user(t, server, slices.Delete(rights, i, i+1), logInto(log))
			err := registrarsLife(t, r, behind(t, tp, "shop"), log)
			_ = r.Close(t.Context()) // denied too, perhaps
			if err == nil {
				t.Error("nothing is missed")
			}
			var op *registry.OpError
			if errors.As(err, &op) && !errors.Is(err, registry.ErrPermission) {
				t.Errorf("got %v, want ErrPermission", err)
			}
		})
	}
}

// The first process after a restart of Redis sends the scripts themselves.
func TestRegistrarMaySendScripts(t *testing.T) {
	server := redistest.Start(t)
	rights := slices.DeleteFunc(registrarRights(prefix(t)), func(r string) bool { return r == "+eval" })
	r := user(t, server, rights)
	wantErr(t, r.Register(t.Context(), service("shop", node("a"))), registry.ErrPermission)
	_ = r.Close(t.Context())
	user(t, server, registrarRights(prefix(t))) // the same user, with the right
	again := open(t, redistest.Topology{Addrs: []string{server.Addr()}}, registry.Username(prefix(t)), registry.Password("secret"))
	register(t, again, service("shop", node("a")))
}

func TestRegistrarKeepsToItsService(t *testing.T) {
	server := redistest.SharedStandalone(t)
	r := user(t, server, registrarRights(prefix(t)))
	wantErr(t, r.Register(t.Context(), service("desk", node("a"))), registry.ErrPermission)
	wantErr(t, r.Register(t.Context(), service("shop", node("a")), registry.RegisterNamespace("eu")), registry.ErrPermission)
	register(t, r, service("shop", node("a")))
}

func TestReaderRights(t *testing.T) {
	server := redistest.SharedStandalone(t)
	tp := redistest.Topology{Addrs: []string{server.Addr()}}
	read := func(t *testing.T, left int) error {
		t.Helper()
		rights := readerRights(prefix(t))
		if left >= 0 {
			rights = slices.Delete(rights, left, left+1)
		}
		shop := full()
		shop.Namespace = ""
		register(t, open(t, tp), shop)
		b := behind(t, tp, "shop")
		b.override("a", `{"weight":3}`)
		reader := user(t, server, rights)
		_, getErr := reader.GetService(t.Context(), "shop")
		_, listErr := reader.ListServices(t.Context(), registry.ListNamespace("*"))
		for what, err := range map[string]error{
			"Register": reader.Register(t.Context(), service("shop", node("mine"))),
			"manual":   reader.Register(t.Context(), service("shop", node("mine")), registry.RegisterManual()),
		} {
			if !errors.Is(err, registry.ErrPermission) {
				t.Errorf("%s: %v, want ErrPermission", what, err)
			}
		}
		return cmp.Or(reader.Init(), getErr, listErr)
	}
	t.Run("suffice", func(t *testing.T) {
		if err := read(t, -1); err != nil {
			t.Error(err)
		}
	})
	for i, right := range readerRights("") {
		if right == "+zscan" {
			continue // TestLargeIndex
		}
		t.Run("all but "+right, func(t *testing.T) {
			wantErr(t, read(t, i), registry.ErrPermission)
		})
	}
}

func TestWrongPassword(t *testing.T) {
	server := redistest.SharedStandalone(t)
	for i, opts := range [][]registry.Option{
		{registry.Username("nobody"), registry.Password("secret")},
		{registry.URL("redis://nobody:secret@" + server.Addr())},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			r := open(t, redistest.Topology{Addrs: []string{server.Addr()}}, opts...)
			_, err := r.GetService(t.Context(), "shop")
			for _, err := range []error{r.Init(), r.Register(t.Context(), service("shop", node("a"))), err} {
				wantErr(t, err, registry.ErrPermission)
				if err != nil && strings.Contains(err.Error(), "secret") {
					t.Errorf("the error shows the password: %v", err)
				}
			}
		})
	}
}
