package registry_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// A refuser is a Redis that can be brought to refuse writes, and back.
type refuser struct {
	tp            redistest.Topology
	opts          []registry.Option // of the registrar
	refuse, allow func()
	says          string // in the view's reason
	class         error
}

// refusers are the ways in which a Redis comes to serve reads and refuse writes, on
// every topology.
var refusers = map[string]func(t *testing.T) refuser{
	"a master without replicas": func(t *testing.T) refuser {
		s := redistest.Start(t)
		refuse, allow := replicas(t, s)
		return refuser{at(s), nil, refuse, allow, "min-replicas-to-write", registry.ErrUnavailable}
	},
	"a master that becomes a replica": func(t *testing.T) refuser {
		s := redistest.Start(t)
		follow := func(host, port string) func() {
			return func() {
				if err := s.Client().ReplicaOf(t.Context(), host, port).Err(); err != nil {
					t.Fatal(err)
				}
			}
		}
		return refuser{at(s), nil, follow("127.0.0.1", "1"), follow("no", "one"), "connect to the master", registry.ErrUnavailable}
	},
	"a disk that cannot be written": func(t *testing.T) refuser {
		s := redistest.Start(t)
		refuse := func() { failToSave(t, s) }
		allow := func() {
			if err := s.Client().ConfigSet(t.Context(), "stop-writes-on-bgsave-error", "no").Err(); err != nil {
				t.Fatal(err)
			}
		}
		return refuser{at(s), nil, refuse, allow, "free its disk", registry.ErrUnavailable}
	},
	"a right that is taken away": func(t *testing.T) refuser {
		s := redistest.Start(t)
		user := func(more ...string) func() {
			return func() {
				rights := append([]string{"on", ">secret", "~*", "&*", "+@all"}, more...)
				if err := s.Client().ACLSetUser(t.Context(), "registrar", rights...).Err(); err != nil {
					t.Fatal(err)
				}
			}
		}
		user()()
		opts := []registry.Option{registry.Username("registrar"), registry.Password("secret")}
		return refuser{at(s), opts, user("-evalsha", "-eval"), user(), "evalsha", registry.ErrPermission}
	},
	"a command in the script that is not allowed any more": func(t *testing.T) refuser {
		s := redistest.Start(t)
		user := func(rule string) func() {
			return func() {
				if err := s.Client().ACLSetUser(t.Context(), "registrar", "on", ">secret", "~*", "&*", "+@all", rule).Err(); err != nil {
					t.Fatal(err)
				}
			}
		}
		user("+pexpire")()
		opts := []registry.Option{registry.Username("registrar"), registry.Password("secret")}
		return refuser{at(s), opts, user("-pexpire"), user("+pexpire"), "", registry.ErrPermission}
	},
	"the master of a sentinel": func(t *testing.T) refuser {
		s := redistest.StartSentinel(t)
		refuse, allow := replicas(t, s.Master())
		tp := redistest.Topology{Name: "sentinel", Addrs: s.Addrs(), MasterName: s.MasterName()}
		return refuser{tp, nil, refuse, allow, "min-replicas-to-write", registry.ErrUnavailable}
	},
	"a master of a cluster": func(t *testing.T) refuser {
		c := redistest.StartCluster(t)
		refuse, allow := replicas(t, c.MasterFor(space(t).Service("default", "shop").Index()))
		tp := redistest.Topology{Name: "cluster", Addrs: c.Addrs(), Cluster: true}
		return refuser{tp, nil, refuse, allow, "min-replicas-to-write", registry.ErrUnavailable}
	},
}

// replicas has a master refuse writes for the lack of replicas, and take them again.
func replicas(t *testing.T, s *redistest.Server) (refuse, allow func()) {
	want := func(n string) func() { return func() { s.SetConfig("min-replicas-to-write", n) } }
	return want("9"), want("0")
}

// failToSave has a server try to save its data where a directory is in the way.
func failToSave(t *testing.T, s *redistest.Server) {
	t.Helper()
	c, ctx := s.Client(), t.Context()
	dir := c.ConfigGet(ctx, "dir").Val()["dir"]
	err := errors.Join(
		os.MkdirAll(filepath.Join(dir, "dump.rdb", "full"), 0o700),
		c.ConfigSet(ctx, "save", "3600 1").Err(), c.BgSave(ctx).Err(),
	)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, patience, func() error {
		if info := c.Info(ctx, "persistence").Val(); !strings.Contains(info, "rdb_last_bgsave_status:err") {
			return errors.New(info)
		}
		return nil
	})
}

// However Redis comes to refuse writes: who lives is held for as long as it does, and
// no watcher takes it for lost.
func TestWaysToRefuse(t *testing.T) {
	t.Parallel()
	for name, make := range refusers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const ttl = 2 * time.Second
			way := make(t)
			states, log := newStates(), &logBuffer{}
			server := open(t, way.tp, append(way.opts, registry.TTL(ttl), registry.Interval(ttl/3), registry.Timeout(3*time.Second), logInto(log))...)
			register(t, server, service("shop", node("a"), node("b")), states.option())
			states.next(t, registry.Live)
			client := open(t, way.tp, registry.Timeout(3*time.Second))
			a, f := watch(t, client, registry.WatchService("shop")), follow(t, client, "shop")
			a.expectAll("create /a", "create /b")

			way.refuse()
			began := time.Now()
			v := untilView(t, f, func(v *registry.View) bool { return len(v.Held) == 2 })
			if !errors.Is(v.Refused, way.class) || !strings.Contains(v.Refused.Error(), way.says) || v.RefusedSince.IsZero() {
				t.Errorf("since %v, %v; want %v with %q", v.RefusedSince, v.Refused, way.class, way.says)
			}
			<-time.After(time.Until(began.Add(3 * ttl)))
			if err := server.Register(t.Context(), service("shop", node("c"))); !errors.Is(err, way.class) {
				t.Errorf("Register while it refuses: %v, want %v", err, way.class)
			}
			states.none(t)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			way.allow()
			for {
				v, err := f.Next(ctx)
				if err != nil {
					t.Fatalf("%v\n%s", err, log.tail(20))
				}
				if shown(v) != "/a /b " {
					t.Fatalf("shown are %q, held %v", shown(v), v.Held)
				}
				if v.RefusedSince.IsZero() {
					break
				}
			}
			states.none(t)
			if got := a.deleted(); len(got) > 0 {
				t.Errorf("a watcher lost %v", got)
			}
			for _, line := range []string{"refuses to renew leases. Watchers are informed", "renews leases again"} {
				eventually(t, patience, func() error {
					if strings.Count(log.String(), line) != 1 {
						return fmt.Errorf("the log does not have one line that it %s:\n%s", line, log.tail(20))
					}
					return nil
				})
			}
		})
	}
}

// A master of a cluster refuses writes: what lives on the others is not held.
func TestOneMasterRefuses(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t)
	tp := redistest.Topology{Name: "cluster", Addrs: c.Addrs(), Cluster: true}
	names := onEach(t, c)
	r, client := open(t, tp, registry.TTL(2*time.Second), registry.Timeout(3*time.Second)), open(t, tp)
	var views []registry.Follower
	for _, name := range names {
		register(t, r, service(name, node("a")))
		f := follow(t, client, name)
		untilView(t, f, func(v *registry.View) bool { return shown(v) == "/a " })
		views = append(views, f)
	}
	refuse, allow := replicas(t, c.Masters()[0])
	refuse()
	untilView(t, views[0], func(v *registry.View) bool { return slices.Equal(v.Held, []string{"a"}) })
	<-time.After(3 * time.Second)
	for _, f := range views[1:] {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		if v, err := f.Next(ctx); err == nil && (len(v.Held) > 0 || v.Refused != nil || shown(v) != "/a ") {
			t.Errorf("a view of another master: %s, held %v, %v", shown(v), v.Held, v.Refused)
		}
		cancel()
	}
	allow()
	untilView(t, views[0], func(v *registry.View) bool { return v.Refused == nil && shown(v) == "/a " })
}
