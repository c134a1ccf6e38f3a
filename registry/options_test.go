package registry

import (
	"crypto/tls"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"
)

// comparable leaves out what cannot be compared.
var comparable = cmp.Options{
	cmpopts.IgnoreUnexported(Options{}, tls.Config{}),
	cmpopts.IgnoreFields(Options{}, "Client", "CredentialsProvider", "Observe", "Logger"),
}

func TestOptions(t *testing.T) {
	for _, c := range []struct {
		name string
		opts []Option
		want Options
	}{
		{"none", nil, Options{
			Addrs: []string{"127.0.0.1:6379"}, Timeout: 3 * time.Second, Namespace: "default", Prefix: "rollcall",
			TTL: 15 * time.Second, PollInterval: 3 * time.Second,
		}},
		{"a nil one", []Option{nil}, Options{
			Addrs: []string{"127.0.0.1:6379"}, Timeout: 3 * time.Second, Namespace: "default", Prefix: "rollcall",
			TTL: 15 * time.Second, PollInterval: 3 * time.Second,
		}},
		{"all", []Option{
			Addrs("a:1", "b:2"), URL("redis://c:3"), Username("u"), Password("p"), DB(4), MasterName("m"), Secure(true),
			TLSConfig(&tls.Config{ServerName: "s", MinVersion: tls.VersionTLS13}), Timeout(time.Second), Namespace("ns"), Prefix("pre"),
			TTL(20 * time.Second), Interval(10 * time.Second), PollInterval(time.Second),
		}, Options{
			Addrs: []string{"a:1", "b:2"}, URL: "redis://c:3", Username: "u", Password: "p", DB: 4, MasterName: "m", Secure: true,
			TLSConfig: &tls.Config{ServerName: "s", MinVersion: tls.VersionTLS13}, Timeout: time.Second, Namespace: "ns", Prefix: "pre",
			TTL: 20 * time.Second, Interval: 10 * time.Second, PollInterval: time.Second,
		}},
		{"the last one wins", []Option{TTL(time.Hour), Cluster(true), TTL(time.Minute), Cluster(false)}, Options{
			Addrs: []string{"127.0.0.1:6379"}, Timeout: 3 * time.Second, Namespace: "default", Prefix: "rollcall",
			TTL: time.Minute, PollInterval: 3 * time.Second,
		}},
	} {
		r := NewRegistry(c.opts...)
		if d := cmp.Diff(c.want, r.Options(), comparable); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, d)
		}
	}

	client := redis.NewClient(&redis.Options{})
	defer client.Close()
	called := ""
	o := NewRegistry(Client(client), Logger(zerolog.New(nil).Level(zerolog.ErrorLevel)), Observe(func(Event) { called += "observer" }),
		CredentialsProvider(func() (string, string) { called += "provider "; return "", "" })).Options()
	o.CredentialsProvider()
	o.Observe(nil)
	if o.Client != client || called != "provider observer" || o.Logger.GetLevel() != zerolog.ErrorLevel {
		t.Errorf("options %+v, called %q", o, called)
	}
}

func TestInvalidOptions(t *testing.T) {
	for _, c := range []struct {
		field string
		opts  []Option
	}{
		{"Timeout", []Option{Timeout(-1)}},
		{"PollInterval", []Option{PollInterval(-1)}},
		{"PollInterval", []Option{PollInterval(99 * time.Millisecond)}},
		{"TTL", []Option{TTL(-1)}},
		{"TTL", []Option{TTL(time.Second - 1)}},
		{"Interval", []Option{Interval(-1)}},
		{"Interval", []Option{Interval(time.Millisecond)}},
		{"Interval", []Option{Interval(7501 * time.Millisecond)}},
		{"Interval", []Option{TTL(2 * time.Second), Interval(time.Second + 1)}},
		{"Namespace", []Option{Namespace("*")}},
		{"Namespace", []Option{Namespace("a\nb")}},
		{"Namespace", []Option{Namespace(strings.Repeat("x", 256))}},
		{"Prefix", []Option{Prefix("a{b}")}},
		{"Prefix", []Option{Prefix("a*")}},
		{"Prefix", []Option{Prefix("a b")}},
		{"DB", []Option{DB(-1)}},
		{"DB", []Option{DB(1), Cluster(true)}},
		{"DB", []Option{DB(1), Addrs("a:1", "b:1")}},
		{"MasterName", []Option{MasterName("m"), Cluster(true)}},
		{"Addrs", []Option{Addrs("a:1", "")}},
		{"URL", []Option{URL("http://127.0.0.1")}},
		{"URL", []Option{URL("127.0.0.1:6379")}},
		{"URL", []Option{URL("redis://127.0.0.1/x")}},
		{"URL", []Option{URL("redis://127.0.0.1?nonsense=1")}},
		{"URL", []Option{URL("http://127.0.0.1"), Cluster(true)}},
		{"URL", []Option{URL("redis://127.0.0.1/3"), Cluster(true)}},
		{"DB", []Option{URL("redis://127.0.0.1/-3")}},
		{"URL", []Option{URL("http://127.0.0.1"), MasterName("m")}},
		{"URL", []Option{URL("redis://127.0.0.1?route_by_latency=true"), MasterName("m")}},
		{"URL", []Option{URL("redis://127.0.0.1?route_randomly=true"), MasterName("m")}},
		{"URL", []Option{URL("redis://127.0.0.1?replica_only=true"), MasterName("m")}},
		{"Client", []Option{Client((*redis.Client)(nil))}},
		{"Client", []Option{Client((*redis.ClusterClient)(nil))}},
	} {
		r := NewRegistry(c.opts...)
		early, err := r.Err(), r.Init()
		var op *OpError
		if !errors.Is(early, ErrInvalid) || errors.Unwrap(early).Error() != errors.Unwrap(err).Error() {
			t.Errorf("%s: Err says %v, Init %v", c.field, early, err)
		}
		if !errors.Is(err, ErrInvalid) || !errors.As(err, &op) || !strings.Contains(err.Error(), "invalid: "+c.field+": ") {
			t.Errorf("%s: got %v, want ErrInvalid that names it", c.field, err)
		}
		for op, err := range map[string]error{
			"Register": r.Register(t.Context(), sound()), "Deregister": r.Deregister(t.Context(), sound()), "Close": r.Close(t.Context()),
		} {
			if want := op != "Close"; errors.Is(err, ErrInvalid) != want {
				t.Errorf("%s, %s: got %v", c.field, op, err)
			}
		}
	}
	for _, opts := range [][]Option{
		{TTL(time.Second)},
		{Interval(7500 * time.Millisecond)},
		{PollInterval(100 * time.Millisecond)},
		{Prefix("A-z_0.9:x")},
		{DB(15)},
		{DB(3), MasterName("m"), Addrs("a:1", "b:1")},
		{Cluster(true), DB(0)},
	} {
		r := NewRegistry(opts...)
		if err := r.Err(); err != nil {
			t.Errorf("refused: %v", err)
		}
		if r.conn != nil {
			t.Error("Err has made a client: options for Init would come too late")
		}
	}
}

func TestErrAfterClose(t *testing.T) {
	bad, good := NewRegistry(TTL(-1)), NewRegistry()
	for _, r := range []*Redis{bad, good} {
		if err := r.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := bad.Err(); !errors.Is(err, ErrInvalid) {
		t.Errorf("wrong options: %v", err)
	}
	if err := good.Err(); err != nil {
		t.Errorf("sound options: %v", err)
	}
}

func TestKeyspaceEventsHasThreeModes(t *testing.T) {
	for _, c := range []struct {
		opts []Option
		want KeyspaceMode
		text string
	}{
		{nil, KeyspaceAsFound, "as found"},
		{[]Option{KeyspaceEvents(true)}, KeyspaceOn, "on"},
		{[]Option{KeyspaceEvents(false)}, KeyspaceOff, "off"},
		{[]Option{KeyspaceEvents(true), KeyspaceEvents(false)}, KeyspaceOff, "off"},
	} {
		if got := NewRegistry(c.opts...).Options().KeyspaceEvents; got != c.want || got.String() != c.text {
			t.Errorf("%d options: %v, want %s", len(c.opts), got, c.text)
		}
	}
	if got := KeyspaceMode(7).String(); got != "unknown" {
		t.Error(got)
	}
}

// Registries and their callers share no memory: neither the slice of options, nor
// addresses.
func TestOptionsAreOwn(t *testing.T) {
	shared := append(make([]Option, 0, 4), TTL(-1)) // with room for what Init adds
	a, b := NewRegistry(shared...), NewRegistry(shared...)
	for ns, r := range map[string]*Redis{"a": a, "b": b} {
		if err := r.Init(Namespace(ns)); !errors.Is(err, ErrInvalid) {
			t.Errorf("got %v", err)
		}
	}
	if got := a.Options().Namespace + b.Options().Namespace; got != "ab" {
		t.Errorf("namespaces %s", got)
	}

	addrs := []string{"127.0.0.1:1"}
	r := NewRegistry(Addrs(addrs...), Timeout(time.Second))
	want := r.String()
	addrs[0] = "changed:1"
	r.Options().Addrs[0] = "changed:1"
	if got := r.String(); got != want {
		t.Errorf("before the first call: %s", got)
	}
	if err := r.Init(); !errors.Is(err, ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	r.Options().Addrs[0] = "changed:1"
	if got := r.String(); got != want {
		t.Errorf("after the first call: %s", got)
	}
	if err := r.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// What Init got wrong, another Init can set right.
func TestInvalidOptionMended(t *testing.T) {
	r := NewRegistry(Addrs("127.0.0.1:1"), Timeout(time.Second), TTL(-1))
	if err := r.Init(); !errors.Is(err, ErrInvalid) {
		t.Errorf("got %v", err)
	}
	if err := r.Init(TTL(time.Minute)); !errors.Is(err, ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	if err := r.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestString(t *testing.T) {
	client := redis.NewClient(&redis.Options{Password: "secret"})
	cluster := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{"127.0.0.1:1"}, Password: "secret"})
	defer client.Close()
	defer cluster.Close()
	for _, c := range []struct {
		want string
		opts []Option
	}{
		{"rollcall on redis 127.0.0.1:6379, database 0, prefix rollcall", nil},
		{"rollcall on redis a:1, database 2, prefix p", []Option{Addrs("a:1"), DB(2), Prefix("p"), Username("secret"), Password("secret")}},
		{"rollcall on redis cluster a:1,b:2, prefix rollcall", []Option{Addrs("a:1", "b:2"), Password("secret")}},
		{"rollcall on redis cluster a:1, prefix rollcall", []Option{Addrs("a:1"), Cluster(true)}},
		{"rollcall on redis cluster a:1, prefix rollcall", []Option{URL("redis://secret:secret@a:1?addr=b:2"), Cluster(true)}},
		{"rollcall on redis master m of sentinels a:1,b:2, prefix rollcall", []Option{Addrs("a:1", "b:2"), MasterName("m")}},
		{"rollcall on a shared redis client, prefix rollcall", []Option{Client(client)}},
		{"rollcall on a shared redis client, prefix rollcall", []Option{Client(cluster)}},
		{"rollcall on redis a:1, database 0, prefix rollcall", []Option{URL("redis://secret:secret@a:1")}},
		{"rollcall on redis /run/s, database 0, prefix rollcall", []Option{URL("unix://secret:secret@/run/s")}},
		{"rollcall on redis a:1, database 3, prefix rollcall", []Option{URL("redis://a:1/3")}},
		{"rollcall on redis ?, database 0, prefix rollcall", []Option{URL("redis://:secr%et@a:1")}},
	} {
		if got := NewRegistry(c.opts...).String(); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}
