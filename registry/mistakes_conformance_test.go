package registry_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// firstCalls are the ways to begin with a registry.
var firstCalls = map[string]func(context.Context, *registry.Redis) error{
	"Init":     func(_ context.Context, r *registry.Redis) error { return r.Init() },
	"Register": func(ctx context.Context, r *registry.Redis) error { return r.Register(ctx, service("shop", node("a"))) },
	"Register with RegisterRetry": func(ctx context.Context, r *registry.Redis) error {
		return r.Register(ctx, service("shop", node("a")), registry.RegisterRetry())
	},
	"GetService": func(ctx context.Context, r *registry.Redis) error {
		_, err := r.GetService(ctx, "shop")
		return err
	},
	"ListServices": func(ctx context.Context, r *registry.Redis) error {
		_, err := r.ListServices(ctx)
		return err
	},
	"Watch": func(ctx context.Context, r *registry.Redis) error {
		_, err := r.Watch(ctx, registry.WatchService("shop"))
		return err
	},
	"Watch of all": func(ctx context.Context, r *registry.Redis) error {
		_, err := r.Watch(ctx)
		return err
	},
	"Next of Follow": func(ctx context.Context, r *registry.Redis) error {
		f, err := r.Follow("shop")
		if err != nil {
			return err
		}
		defer f.Stop()
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		_, err = f.Next(ctx)
		return err
	},
}

// wantRefused makes every first call on a registry of its own. All have to fail with
// this sentinel and these words, without waiting for something to change.
func wantRefused(t *testing.T, want error, words string, opts ...registry.Option) {
	t.Helper()
	var all sync.WaitGroup
	for name, call := range firstCalls {
		r := open(t, redistest.Topology{}, opts...)
		all.Go(func() {
			err := call(context.Background(), r)
			if !errors.Is(err, want) || !strings.Contains(err.Error(), words) {
				t.Errorf("%s: %v\nwant %v with %q", name, err, want, words)
			}
			if errors.Is(err, context.DeadlineExceeded) && !strings.Contains(words, "TLS") {
				t.Errorf("%s waited until its end: %v", name, err)
			}
		})
	}
	all.Wait()
}

// A mistake that does not go away by itself is reported by the first call, whichever it is, with the option
// to set.
func TestMistakesAreReportedAtOnce(t *testing.T) {
	server, other := redistest.Start(t), redistest.Start(t)
	do(t, server, "ACL", "SETUSER", "bob", "on", ">secret", "~*", "&*", "+@all")
	secured := redistest.Start(t, "--requirepass", "secret")
	authority := redistest.NewAuthority(t)
	args, encrypted := authority.Args("localhost")
	redistest.Start(t, args...)
	_, port, _ := net.SplitHostPort(encrypted)
	named := net.JoinHostPort("localhost", port)
	sentinel, cluster := redistest.SharedSentinel(t), redistest.SharedCluster(t)
	master := registry.MasterName(sentinel.MasterName())
	trusted := registry.TLSConfig(&tls.Config{RootCAs: authority.Roots()})
	shared := redis.NewClient(&redis.Options{Addr: cluster.Addrs()[0]})
	t.Cleanup(func() { _ = shared.Close() })
	short := registry.Timeout(3 * time.Second) // between TLS and plain text, no server answers

	addrs := func(a ...string) registry.Option { return registry.Addrs(a...) }
	for name, c := range map[string]struct {
		want  error
		words string
		opts  []registry.Option
	}{
		"a wrong password":                {registry.ErrPermission, "WRONGPASS", []registry.Option{addrs(server.Addr()), registry.Username("bob"), registry.Password("x")}},
		"a wrong password in the URL":     {registry.ErrPermission, "WRONGPASS", []registry.Option{registry.URL("redis://bob:x@" + server.Addr())}},
		"an unknown user":                 {registry.ErrPermission, "WRONGPASS", []registry.Option{addrs(server.Addr()), registry.Username("eve"), registry.Password("x")}},
		"no password":                     {registry.ErrPermission, "NOAUTH", []registry.Option{addrs(secured.Addr())}},
		"no password, with a database":    {registry.ErrPermission, "NOAUTH", []registry.Option{addrs(secured.Addr()), registry.DB(3)}},
		"no password of a cluster":        {registry.ErrPermission, "NOAUTH", []registry.Option{addrs(secured.Addr()), registry.Cluster(true)}},
		"a host without a port":           {registry.ErrInvalid, "host:port", []registry.Option{addrs("127.0.0.1")}},
		"an address with a scheme":        {registry.ErrInvalid, "give it as URL", []registry.Option{addrs(server.URL())}},
		"a database out of range":         {registry.ErrInvalid, "DB: ", []registry.Option{addrs(server.Addr()), registry.DB(99)}},
		"a database of the URL":           {registry.ErrInvalid, "DB: ", []registry.Option{registry.URL(server.URL() + "/99")}},
		"a database behind sentinels":     {registry.ErrInvalid, "DB: ", []registry.Option{addrs(sentinel.Addrs()...), master, registry.DB(99)}},
		"a cluster that is none":          {registry.ErrInvalid, "Cluster: ", []registry.Option{addrs(server.Addr()), registry.Cluster(true)}},
		"two servers that are no cluster": {registry.ErrInvalid, "Cluster: ", []registry.Option{addrs(server.Addr(), other.Addr())}},
		"a server of a cluster":           {registry.ErrInvalid, "set Cluster(true)", []registry.Option{addrs(cluster.Addrs()[0])}},
		"a replica of a cluster":          {registry.ErrInvalid, "set Cluster(true)", []registry.Option{addrs(cluster.Addrs()[4])}},
		"a client of a server of one":     {registry.ErrInvalid, "ClusterClient", []registry.Option{registry.Client(shared)}},
		"sentinels that are none":         {registry.ErrInvalid, "not a sentinel", []registry.Option{addrs(server.Addr()), master}},
		"sentinels without MasterName":    {registry.ErrInvalid, "set MasterName", []registry.Option{addrs(sentinel.Addrs()[0])}},
		"an unknown master":               {registry.ErrInvalid, "MasterName: ", []registry.Option{addrs(sentinel.Addrs()...), registry.MasterName("nobody")}},
		"a scheme that is none":           {registry.ErrInvalid, "URL: ", []registry.Option{registry.URL("reddis://" + server.Addr())}},
		"a URL without a scheme":          {registry.ErrInvalid, "URL: ", []registry.Option{registry.URL(server.Addr())}},
		"a URL with one slash":            {registry.ErrInvalid, "URL: ", []registry.Option{registry.URL("redis:/" + server.Addr())}},
		"an unknown setting in the URL":   {registry.ErrInvalid, "URL: ", []registry.Option{registry.URL(server.URL() + "?dial_timeot=3s")}},
		"a port of the URL":               {registry.ErrInvalid, "host:port", []registry.Option{registry.URL("redis://127.0.0.1:99999")}},
		"TLS to a plain port":             {registry.ErrInvalid, "does not speak TLS", []registry.Option{addrs(server.Addr()), registry.Secure(true), short}},
		"rediss to a plain port":          {registry.ErrInvalid, "does not speak TLS", []registry.Option{registry.URL("rediss://" + server.Addr()), short}},
		"TLS to plain ports of a cluster": {registry.ErrInvalid, "does not speak TLS", []registry.Option{addrs(cluster.Addrs()...), registry.Secure(true), short}},
		"TLS to plain sentinels":          {registry.ErrInvalid, "does not speak TLS", []registry.Option{addrs(sentinel.Addrs()...), master, registry.Secure(true), short}},
		"plain text to a TLS port":        {registry.ErrInvalid, "speaks TLS: set Secure", []registry.Option{addrs(encrypted), short}},
		"plain text to a TLS cluster":     {registry.ErrInvalid, "speaks TLS: set Secure", []registry.Option{addrs(encrypted), registry.Cluster(true), short}},
		"plain text to TLS sentinels":     {registry.ErrInvalid, "speaks TLS: set Secure", []registry.Option{addrs(encrypted), master, short}},
		"another name in the certificate": {registry.ErrInvalid, "TLSConfig.ServerName", []registry.Option{addrs(encrypted), trusted}},
		"an unknown authority":            {registry.ErrInvalid, "TLSConfig.RootCAs", []registry.Option{addrs(named), registry.Secure(true)}},
		"an unknown authority, cluster":   {registry.ErrInvalid, "TLSConfig.RootCAs", []registry.Option{addrs(named), registry.Secure(true), registry.Cluster(true)}},
		"an unknown authority, sentinel":  {registry.ErrInvalid, "TLSConfig.RootCAs", []registry.Option{addrs(named), registry.Secure(true), master}},
	} {
		t.Run(name, func(t *testing.T) { wantRefused(t, c.want, c.words, c.opts...) })
	}
}

// A server that wants a certificate of the client says so by a TLS alert.
func TestClientCertificateIsMissing(t *testing.T) {
	authority := redistest.NewAuthority(t)
	args, addr := authority.Args("127.0.0.1")
	redistest.Start(t, append(args, "--tls-auth-clients", "yes")...)
	wantRefused(t, registry.ErrInvalid, "TLSConfig.Certificates",
		registry.Addrs(addr), registry.TLSConfig(&tls.Config{RootCAs: authority.Roots()}))
}

// A server without a command of the scripts, as Redis before 6.2, or without scripts,
// is reported at once and is not tried again.
func TestUnsupportedServer(t *testing.T) {
	for name, commands := range map[string][]string{
		"without ZMSCORE": {"ZMSCORE"}, "without scripts": {"EVAL", "EVALSHA"}, "without transactions": {"MULTI"},
	} {
		t.Run(name, func(t *testing.T) {
			var args []string
			for _, command := range commands {
				args = append(args, "--rename-command", command, "")
			}
			server := redistest.Start(t, args...)
			for _, opts := range [][]registry.RegisterOption{nil, {registry.RegisterRetry()}} {
				r := open(t, redistest.Topology{Addrs: []string{server.Addr()}})
				err := r.Register(t.Context(), service("shop", node("a")), opts...)
				wantErr(t, err, registry.ErrInvalid)
				if !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), "unsupported server: ") ||
					!strings.Contains(strings.ToUpper(err.Error()), commands[len(commands)-1]) {
					t.Errorf("got %v", err)
				}
			}
			if keys := server.Client().Keys(t.Context(), "*:node:*").Val(); len(keys) > 0 {
				t.Errorf("written: %v", keys)
			}
		})
	}
}

// A password that is changed while nodes are registered ends nothing: renewal goes on, says why it
// fails, and succeeds when the password is back. Only a new Register is refused.
func TestRotatedPasswordIsTriedAgain(t *testing.T) {
	server := redistest.Start(t)
	do(t, server, "ACL", "SETUSER", "bob", "on", ">old", "~*", "&*", "+@all")
	r := open(t, redistest.Topology{Addrs: []string{server.Addr()}}, registry.Username("bob"), registry.Password("old"))
	reported := newStates()
	register(t, r, service("shop", node("a")), registry.RegisterTTL(time.Second), reported.option())
	_ = reported.next(t, registry.Live)

	do(t, server, "ACL", "SETUSER", "bob", "resetpass", ">new")
	do(t, server, "CLIENT", "KILL", "USER", "bob")
	wantErr(t, reported.next(t, registry.Lost), registry.ErrPermission)
	wantErr(t, r.Register(t.Context(), service("desk", node("b")), registry.RegisterRetry()), registry.ErrPermission)

	do(t, server, "ACL", "SETUSER", "bob", "resetpass", ">old")
	_ = reported.next(t, registry.Live)
	wantIDs(t, r, "shop", "/a")
}

// do sends a command that must succeed.
func do(t *testing.T, s *redistest.Server, args ...any) {
	t.Helper()
	if err := s.Client().Do(t.Context(), args...).Err(); err != nil {
		t.Fatal(err)
	}
}
