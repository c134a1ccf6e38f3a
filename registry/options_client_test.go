package registry

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
)

// The database is that of DB, else of the URL, from the beginning.
func TestDatabaseOfURL(t *testing.T) {
	for _, c := range []struct {
		want int
		opts []Option
	}{
		{3, []Option{URL("redis://127.0.0.1:1/3")}},
		{3, []Option{URL("redis://127.0.0.1:1?db=3")}},
		{3, []Option{URL("unix:///nowhere?db=3")}},
		{3, []Option{URL("redis://127.0.0.1:1/3"), MasterName("m")}},
		{3, []Option{URL("redis://127.0.0.1:1/5"), DB(3)}},
		{3, []Option{URL("redis://127.0.0.1:1/1"), DB(3)}},
		{3, []Option{URL("redis://127.0.0.1:1/5"), DB(3), MasterName("m")}},
		{5, []Option{URL("redis://127.0.0.1:1/5"), DB(0)}},
		{0, []Option{URL("redis://127.0.0.1:1/0"), Cluster(true)}},
	} {
		r := NewRegistry(append(c.opts, Timeout(time.Second))...)
		before := r.Options().DB
		if err := r.Init(); !errors.Is(err, ErrUnavailable) {
			t.Errorf("got %v", err)
		}
		client, err := r.Client()
		if err != nil {
			t.Fatal(err)
		}
		inUse := 0
		if single, ok := client.(*redis.Client); ok {
			inUse = single.Options().DB
		}
		if after := r.Options().DB; before != c.want || after != c.want || inUse != c.want {
			t.Errorf("%s: database %d before, %d after, and %d in use, want %d", r, before, after, inUse, c.want)
		}
		if err := r.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// NewRegistry connects to nothing; Init does.
func TestNewRegistryDoesNotConnect(t *testing.T) {
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dialed := func(within time.Duration) bool {
		_ = l.SetDeadline(time.Now().Add(within))
		c, err := l.Accept()
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	}
	r := NewRegistry(Addrs(l.Addr().String()), Timeout(time.Second))
	_, _ = r.Options(), r.String()
	if dialed(200 * time.Millisecond) {
		t.Error("it connected before the first call")
	}
	if err := r.Init(); !errors.Is(err, ErrUnavailable) { // no server answers
		t.Errorf("Init: %v", err)
	}
	if !dialed(time.Second) {
		t.Error("Init did not connect")
	}
	if err := r.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// Our own clients can be interrupted, dial once at a time, and look for new
// masters often, whatever their kind.
func TestOwnClients(t *testing.T) {
	type traits struct {
		Contexts bool
		Dials    int
		Reload   time.Duration
	}
	for name, c := range map[string]struct {
		opts []Option
		want traits
	}{
		"single":           {nil, traits{true, 1, 0}},
		"single by URL":    {[]Option{URL("redis://127.0.0.1:1")}, traits{true, 1, 0}},
		"sentinel":         {[]Option{MasterName("m")}, traits{true, 1, 0}},
		"sentinel by URL":  {[]Option{MasterName("m"), URL("redis://127.0.0.1:1?context_timeout_enabled=false&dialer_retries=7")}, traits{true, 1, 0}},
		"cluster":          {[]Option{Cluster(true)}, traits{true, 1, 5 * time.Second}},
		"cluster by URL":   {[]Option{Cluster(true), URL("redis://127.0.0.1:1")}, traits{true, 1, 5 * time.Second}},
		"cluster by seeds": {[]Option{Addrs("127.0.0.1:1", "127.0.0.1:2")}, traits{true, 1, 5 * time.Second}},
	} {
		r := NewRegistry(c.opts...)
		client, err := r.Client()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got traits
		switch client := client.(type) {
		case *redis.Client:
			o := client.Options()
			got = traits{o.ContextTimeoutEnabled, o.DialerRetries, 0}
		case *redis.ClusterClient:
			o := client.Options()
			got = traits{o.ContextTimeoutEnabled, o.DialerRetries, o.ClusterStateReloadInterval}
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
		if err := r.Close(t.Context()); err != nil {
			t.Errorf("%s: Close: %v", name, err)
		}
	}
}

// No error shows a password, wherever the password is given.
func TestNoCredentialsInErrors(t *testing.T) {
	for _, url := range []string{
		"redis://user:se%cret@127.0.0.1:1", "redis://user:se cret@127.0.0.1:1", "redis://user:se\ncret@127.0.0.1:1",
		"redis://user:cret@127.0.0.1:bad", "http://user:cret@127.0.0.1:1", "redis://user:cret@127.0.0.1:1/x",
		"redis://user:cret@127.0.0.1:1?x=y", "redis://user:se/cret@127.0.0.1:1", "redis://user:1/cret@127.0.0.1:1", "redis://user:cret@127.0.0.1:1",
	} {
		for kind, also := range map[string]Option{"single": nil, "cluster": Cluster(true), "sentinel": MasterName("m")} {
			r := NewRegistry(URL(url), Timeout(time.Second), also)
			_, getErr := r.GetService(t.Context(), "shop")
			for _, said := range []string{fmt.Sprint(r.Init()), fmt.Sprint(getErr), r.String()} {
				if strings.Contains(said, "cret") {
					t.Errorf("%s: %s shows the password: %s", kind, url, said)
				}
			}
			if err := r.Close(t.Context()); err != nil {
				t.Error(err)
			}
		}
	}
}
