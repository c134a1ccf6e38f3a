package hertzadapter

import (
	"context"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

func TestTheConstructorsOfTheCommunityPackage(t *testing.T) {
	s := redistest.Start(t, "--requirepass", "secret")
	var dialed atomic.Int64
	opts := []RedisOption{
		WithPassword("secret"), WithDB(2), WithReadTimeout(time.Second), WithWriteTimeout(time.Second),
		WithDialer(func(ctx context.Context, network, addr string) (net.Conn, error) {
			dialed.Add(1)
			var d net.Dialer
			return d.DialContext(ctx, network, addr)
		}),
	}
	a := NewRedisRegistry(s.Addr(), WithRedisOptions(opts...), WithExpireTime(6), WithRefreshInterval(2))
	serve(t, "one", a, nil).up(t)
	v := NewRedisResolver(s.Addr(), WithRedisOptions(opts...))
	defer func() { must(t, v.(io.Closer).Close()) }()
	if got, err := dialer(t, v).call(); err != nil || got != "one" {
		t.Errorf("%q, %v", got, err)
	}
	if dialed.Load() == 0 {
		t.Error("the dialer was not used")
	}

	own := connect(t, s.URL(), registry.Password("secret"), registry.DB(2))
	services, err := own.GetService(t.Context(), "shop")
	if err != nil || services[0].TTL != 6*time.Second {
		t.Errorf("%v, %v, want a TTL of 6s", services, err)
	}
}

// The registry opens at the first Register and is closed by the last Deregister:
// TestMain finds what that leaves running.
func TestRedisRegistryNeedsNoClose(t *testing.T) {
	each(t, func(t *testing.T, url string) {
		a := NewRedisRegistry(url[len("redis://"):])
		for range 2 {
			must(t, a.Register(shopAt("10.0.0.1:80")))
			must(t, a.Register(shopAt("10.0.0.2:80")))
			must(t, a.Deregister(shopAt("10.0.0.1:80")))
			must(t, a.Deregister(shopAt("10.0.0.2:80")))
		}
		wantNoNodes(t, connect(t, url))
	})
}

func TestRedisRegistryNeedsNoCloseOnAnOutage(t *testing.T) {
	for name, hurt := range map[string]func(*redistest.Server){"killed": (*redistest.Server).Kill, "hangs": (*redistest.Server).Pause} {
		t.Run(name, func(t *testing.T) {
			s := redistest.Start(t)
			a := NewRedisRegistry(s.Addr())
			must(t, a.Register(shopAt("10.0.0.1:80")))
			hurt(s)
			start := time.Now()
			must(t, a.Deregister(shopAt("10.0.0.1:80")))
			if took := time.Since(start); took > DefaultTimeout+time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}
