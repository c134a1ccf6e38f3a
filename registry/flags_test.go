package registry_test

import (
	"context"
	"crypto/tls"
	"flag"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
	_ "github.com/rollcall-go/rollcall/registry/embedded"
)

// parsed returns the option of flags that were given.
func parsed(t *testing.T, args ...string) registry.Option {
	t.Helper()
	fs := flag.NewFlagSet("test", flag.ContinueOnError)
	option := registry.Flags(fs)
	if err := fs.Parse(args); err != nil {
		t.Fatal(err)
	}
	return option
}

func TestFlags(t *testing.T) {
	type settings struct {
		Addr, URL, Namespace string
		Timeout              time.Duration
	}
	before := []registry.Option{registry.Addrs("before:1"), registry.Timeout(9 * time.Second), registry.Namespace("before")}
	for _, c := range []struct {
		args   []string
		before []registry.Option
		want   settings
	}{
		{nil, nil, settings{"127.0.0.1:6379", "", "default", 3 * time.Second}},
		{nil, before, settings{"before:1", "", "before", 9 * time.Second}},
		{
			[]string{"-registry.default=redis", "-registry.address=a:1", "-registry.timeout=5s", "-registry.namespace=eu"},
			before,
			settings{"a:1", "", "eu", 5 * time.Second},
		},
		{[]string{"-registry.address=redis://a:1/3"}, nil, settings{"127.0.0.1:6379", "redis://a:1/3", "default", 3 * time.Second}},
		{[]string{"-registry.address=a:1"}, []registry.Option{registry.URL("redis://b:2")}, settings{"a:1", "", "default", 3 * time.Second}},
		{[]string{"-registry.address="}, before, settings{"before:1", "", "before", 9 * time.Second}},
	} {
		o := registry.NewRegistry(append(c.before, parsed(t, c.args...))...).Options()
		if d := cmp.Diff(c.want, settings{o.Addrs[0], o.URL, o.Namespace, o.Timeout}); d != "" {
			t.Errorf("%v (-want +got):\n%s", c.args, d)
		}
	}
}

// Options that follow the flags win over them.
func TestFlagsOverridden(t *testing.T) {
	o := registry.NewRegistry(parsed(t, "-registry.namespace=eu"), registry.Namespace("us")).Options()
	if o.Namespace != "us" {
		t.Errorf("namespace %s", o.Namespace)
	}
}

func TestFlagsRefused(t *testing.T) {
	for _, arg := range []string{"-registry.default=etcd", "-registry.default=", "-registry.timeout=soon"} {
		fs := flag.NewFlagSet("test", flag.ContinueOnError)
		fs.SetOutput(io.Discard)
		registry.Flags(fs)
		if err := fs.Parse([]string{arg}); err == nil {
			t.Errorf("%s was taken", arg)
		}
	}
	r := registry.NewRegistry(parsed(t, "-registry.timeout=-1s"))
	wantErr(t, r.Init(), registry.ErrInvalid)
}

// What the program sets for its Redis does not keep it from the embedded one.
func TestFlagsEmbeddedInstead(t *testing.T) {
	embedded := parsed(t, "-registry.default=embedded")
	for name, own := range map[string][]registry.Option{
		"URL":         {registry.URL("rediss://user:secret@127.0.0.1:1/3")},
		"cluster":     {registry.Addrs("127.0.0.1:1", "127.0.0.1:2"), registry.Cluster(true)},
		"sentinels":   {registry.MasterName("m")},
		"password":    {registry.Password("secret")},
		"user":        {registry.Username("user"), registry.Password("secret")},
		"credentials": {registry.CredentialsProvider(func() (string, string) { return "user", "secret" })},
		"Secure":      {registry.Secure(true)},
		"TLS":         {registry.TLSConfig(&tls.Config{MinVersion: tls.VersionTLS13})},
	} {
		if err := open(t, redistest.Topology{}, append(own, embedded)...).Init(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFlagsEmbedded(t *testing.T) {
	first := open(t, redistest.Topology{}, parsed(t, "-registry.default=embedded", "-registry.namespace=eu", "-registry.address=127.0.0.1:0"))
	register(t, first, service("shop", node("a")))
	wantIDs(t, first, "shop", "/a")
	addr := first.Options().Addrs[0]
	if strings.HasSuffix(addr, ":0") || !strings.Contains(first.String(), addr) {
		t.Errorf("%s is at %s", first, addr)
	}

	// Another program finds it by its address; a second server cannot have it.
	second := open(t, redistest.Topology{Addrs: []string{addr}}, registry.Namespace("eu"))
	wantIDs(t, second, "shop", "/a")
	taken := open(t, redistest.Topology{}, parsed(t, "-registry.default=embedded", "-registry.address="+addr))
	wantErr(t, taken.Init(), registry.ErrUnavailable)

	// Each registry has a server of its own, which ends with it.
	alone := open(t, redistest.Topology{}, parsed(t, "-registry.default=embedded"), registry.Namespace("eu"))
	wantIDs(t, alone, "shop")
	if err := second.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if err := first.Close(t.Context()); err != nil {
		t.Error(err)
	}
	late := open(t, redistest.Topology{Addrs: []string{addr}}, registry.Timeout(2*time.Second))
	wantErr(t, late.Init(), registry.ErrUnavailable)
}

// What the program has set for another Redis is nothing to a server of its own, however
// wrong; and the flag is nothing to a client that is shared.
func TestTheEmbeddedServerIsAsItIs(t *testing.T) {
	r := registry.NewRegistry(registry.URL("redis://h:6379/zero"), registry.MasterName("m"), registry.Password("secret"),
		parsed(t, "-registry.default=embedded"))
	t.Cleanup(func() { _ = r.Close(context.Background()) })
	if err := r.Init(); err != nil {
		t.Error(err)
	}
	c := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", DB: 3})
	t.Cleanup(func() { _ = c.Close() })
	if db := registry.NewRegistry(registry.Client(c), parsed(t, "-registry.default=embedded")).Options().DB; db != 3 {
		t.Errorf("DB %d, want that of the client, 3", db)
	}
}
