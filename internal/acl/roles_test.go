package acl_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/acl"
	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/lua"
	"github.com/rollcall-go/rollcall/internal/record"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

func TestMain(m *testing.M) { redistest.Main(m) }

// patience is how long a test waits for what must come, on the slowest machine.
const patience = 20 * time.Second

// A site is a Redis with users of one prefix.
type site struct {
	t       *testing.T
	tp      redistest.Topology
	servers []*redistest.Server
	prefix  string
	admin   redis.UniversalClient
	space   keys.Space
}

func newSite(t *testing.T, tp redistest.Topology, servers ...*redistest.Server) *site {
	t.Helper()
	prefix := strings.Map(func(r rune) rune {
		if strings.ContainsRune("/+|&~%{}*@#", r) {
			return '.'
		}
		return r
	}, t.Name())
	space, err := keys.New(prefix)
	if err != nil {
		t.Fatal(err)
	}
	return &site{t, tp, servers, prefix, tp.NewClient(t), space}
}

// request completes a request with what the site is.
func (s *site) request(r acl.Request) acl.Request {
	r.Prefix, r.Cluster, r.Before7 = s.prefix, s.tp.Cluster, !s.servers[0].CanReadOnly()
	return r
}

func (s *site) rules(r acl.Request) []string {
	s.t.Helper()
	rules, err := acl.Rules(s.request(r))
	if err != nil {
		s.t.Fatal(err)
	}
	return rules
}

// user gives a user of the prefix's name the rules, by the very line that is printed.
func (s *site) user(name string, rules []string) (user string) {
	s.t.Helper()
	user = s.prefix + "." + name
	line, err := acl.Command(user, rules)
	if err != nil {
		s.t.Fatal(err)
	}
	var args []any
	for _, word := range strings.Fields(line) {
		args = append(args, word)
	}
	for _, server := range s.servers {
		if err := server.Client().Do(s.t.Context(), args...).Err(); err != nil {
			s.t.Fatalf("%s: %v", line, err)
		}
	}
	return user
}

// open returns a registry that works as a user; its log is only shown by errors.
func (s *site) open(user string, opts ...registry.Option) *registry.Redis {
	s.t.Helper()
	r := registry.NewRegistry(append([]registry.Option{
		registry.Addrs(s.tp.Addrs...), registry.Cluster(s.tp.Cluster), registry.Prefix(s.prefix), registry.Timeout(patience),
		registry.Username(user), registry.Password("secret"), registry.Logger(zerolog.Nop()),
		registry.TTL(time.Second), registry.PollInterval(200 * time.Millisecond),
	}, opts...)...)
	s.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_ = r.Close(ctx)
	})
	return r
}

// client returns a client that works as a user.
func (s *site) client(user string) redis.UniversalClient {
	s.t.Helper()
	return s.tp.NewClient(s.t, func(o *redis.UniversalOptions) { o.Username, o.Password = user, "secret" })
}

// plant registers a node that nobody renews.
func (s *site) plant(ns, service, id string, ttl time.Duration) {
	s.t.Helper()
	now := time.Now()
	k := s.space.Service(ns, service)
	if err := lua.Announce(s.t.Context(), s.admin, lua.Catalogued(s.space, time.Hour, []lua.Entry{{Service: k}})...); err != nil {
		s.t.Fatal(err)
	}
	for _, r := range lua.Register(s.t.Context(), s.admin, lua.RegisterCall{
		Target: lua.Target{Service: k, Deadline: now.Add(time.Minute), Nonce: "0123456789ab"},
		Nodes: []lua.Registration{{
			Lease: lua.Lease{ID: id, Token: record.Lease{Start: now.UnixMicro(), Nonce: "0123456789ab"}.String(), Seq: 1, TTL: ttl},
			Data:  []byte(`{"address":"10.0.0.9:80","ttl":1000}`),
		}},
	}) {
		if r.Err != nil {
			s.t.Fatal(r.Err)
		}
	}
}

// refused returns what Redis refused a user, of all servers.
func (s *site) refused(user string) (entries []string) {
	s.t.Helper()
	for _, server := range s.servers {
		log, err := server.Client().ACLLog(s.t.Context(), 10_000).Result()
		if err != nil {
			s.t.Fatal(err)
		}
		for _, e := range log {
			if e.Username == user {
				entries = append(entries, fmt.Sprintf("%s %s (%s)", e.Reason, e.Object, e.Context))
			}
		}
	}
	return entries
}

// await polls check until it returns nil, or ctx ends.
func await(ctx context.Context, check func() error) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return err
		}
	}
}

// scopes are what rights can be for. Each role has to do its job for the service shop.
var scopes = []struct {
	name string
	of   acl.Request
	ns   string // where shop is
}{
	{"service", acl.Request{Namespace: "prod", Service: "shop"}, "prod"},
	{"namespace", acl.Request{Namespace: "a/b"}, "a/b"},
	{"all", acl.Request{Namespace: "*"}, "prod"},
}

// Each role does its whole job under exactly the rules that are printed, and Redis
// refuses nothing.
func TestRolesDoTheirJob(t *testing.T) {
	each(t, func(t *testing.T, tp redistest.Topology, servers []*redistest.Server) {
		for _, scope := range scopes {
			for _, j := range jobs {
				t.Run(scope.name+"/"+j.name, func(t *testing.T) {
					t.Parallel()
					s, r := newSite(t, tp, servers...), scope.of
					j.change(&r)
					user := s.user("user", s.rules(r))
					ctx, cancel := context.WithTimeout(t.Context(), patience)
					defer cancel()
					if err := j.do(ctx, s, user, scope.ns, r); err != nil {
						t.Errorf("%s: %v", j.name, err)
					}
					for _, what := range s.refused(user) {
						if r.Config || !strings.HasPrefix(what, "command config") {
							t.Errorf("Redis refused %s", what)
						}
					}
				})
			}
		}
	})
}

// each runs f on a standalone Redis and on a cluster.
func each(t *testing.T, f func(*testing.T, redistest.Topology, []*redistest.Server)) {
	t.Run("standalone", func(t *testing.T) {
		server := redistest.Start(t, "--acllog-max-len", "10000")
		f(t, redistest.Topology{Addrs: []string{server.Addr()}}, []*redistest.Server{server})
	})
	t.Run("cluster", func(t *testing.T) {
		c := redistest.SharedCluster(t)
		for _, s := range c.Servers() {
			s.SetConfig("acllog-max-len", "10000")
		}
		f(t, redistest.Topology{Addrs: c.Addrs(), Cluster: true}, c.Servers())
	})
}
