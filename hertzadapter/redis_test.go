package hertzadapter

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-go/rollcall/registry"
)

func noDial(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no") }

func TestRedisLease(t *testing.T) {
	cases := map[string]struct {
		opts          []RedisRegistryOption
		ttl, interval time.Duration // 0: the registry's own
	}{
		"defaults":                  {},
		"expire":                    {opts: []RedisRegistryOption{WithExpireTime(60)}, ttl: time.Minute},
		"both":                      {opts: []RedisRegistryOption{WithExpireTime(60), WithRefreshInterval(20)}, ttl: time.Minute, interval: 20 * time.Second},
		"refresh over half":         {opts: []RedisRegistryOption{WithExpireTime(60), WithRefreshInterval(50)}, ttl: time.Minute, interval: 30 * time.Second},
		"refresh alone":             {opts: []RedisRegistryOption{WithRefreshInterval(30)}, ttl: 90 * time.Second, interval: 30 * time.Second},
		"short refresh alone":       {opts: []RedisRegistryOption{WithRefreshInterval(2)}, ttl: registry.DefaultTTL, interval: 2 * time.Second},
		"wrong, for the registry":   {opts: []RedisRegistryOption{WithExpireTime(-1)}, ttl: -time.Second},
		"wrong refresh, likewise":   {opts: []RedisRegistryOption{WithRefreshInterval(-1)}, ttl: registry.DefaultTTL, interval: -time.Second},
		"both wrong, also likewise": {opts: []RedisRegistryOption{WithExpireTime(-1), WithRefreshInterval(-1)}, ttl: -time.Second, interval: -time.Second},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var got registry.Options
			for _, opt := range newRedisOptions("", c.opts).lease() {
				opt(&got)
			}
			if got.TTL != c.ttl || got.Interval != c.interval {
				t.Errorf("TTL %v, interval %v, want %v, %v", got.TTL, got.Interval, c.ttl, c.interval)
			}
		})
	}
}

func TestRedisOptions(t *testing.T) {
	o := newRedisOptions("redis.example:6379", []RedisRegistryOption{
		WithPassword("secret"), WithDB(3), WithReadTimeout(time.Second), WithWriteTimeout(2 * time.Second), WithDialer(noDial),
		WithStrict(), WithCommunityKeys(false),
	})
	type set struct {
		Addr, Password string
		DB             int
		Read, Write    time.Duration
		Dialer         bool
		Strict         bool // a RegistryOption is a RedisRegistryOption, too
		Community      bool
	}
	c := o.client
	got := set{c.Addr, c.Password, c.DB, c.ReadTimeout, c.WriteTimeout, c.Dialer != nil, o.strict, o.community}
	if d := cmp.Diff(set{"redis.example:6379", "secret", 3, time.Second, 2 * time.Second, true, true, false}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if !newRedisOptions[RedisOption]("", nil).community {
		t.Error("the community's layout is off by default")
	}
}
