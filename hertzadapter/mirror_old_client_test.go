package hertzadapter

import (
	"strings"
	"testing"

	hertzregistry "github.com/cloudwego/hertz/pkg/app/server/registry"
	"github.com/cloudwego/hertz/pkg/common/utils"
	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/community"
)

// clientOf is an own client of the server at url, closed with the test.
func clientOf(t *testing.T, url string) *redis.Client {
	t.Helper()
	o, err := redis.ParseURL(url)
	must(t, err)
	c := redis.NewClient(o)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func hostOf(url string) string { return strings.TrimPrefix(url, "redis://") }

func TestAnOldClientFindsANewServer(t *testing.T) {
	each(t, func(t *testing.T, url string) {
		old := oldPackage{c: clientOf(t, url)}
		s := serve(t, "new", NewRedisRegistry(hostOf(url)), map[string]string{"zone": "eu"})
		s.up(t)
		old.finds(t, s.addr)
		res, _ := old.Resolve(t.Context(), "shop")
		if zone, _ := res.Instances[0].Tag("zone"); zone != "eu" || res.Instances[0].Weight() != 10 {
			t.Errorf("zone %q, weight %d", zone, res.Instances[0].Weight())
		}
		c := dialer(t, old)
		if got, err := c.call(); err != nil || got != "new" {
			t.Errorf("an old client called it: %q, %v", got, err)
		}
		c.c.CloseIdleConnections()
		s.stop(t)
		old.finds(t)
	})
}

func TestWhatAnOldClientReads(t *testing.T) {
	each(t, func(t *testing.T, url string) {
		c := clientOf(t, url)
		a := NewRedisRegistry(hostOf(url))
		info := &hertzregistry.Info{
			ServiceName: "shop", Addr: utils.NewNetAddr("tcp", "10.0.0.1:80"), Weight: 25,
			Tags: map[string]string{"version": "v2", "team": "blue"},
		}
		must(t, a.Register(info))
		oldPackage{c: c}.finds(t, "10.0.0.1:80")
		e, err := community.Decode(c.HGet(t.Context(), oldKey, "10.0.0.1:80").Val())
		must(t, err)
		if e.Mark == nil || e.Mark.Home != (community.Home{Prefix: "rollcall", Namespace: "default"}) {
			t.Errorf("the mark is %+v", e.Mark)
		}
		e.Mark = nil
		want := community.Entry{Service: "shop", Addr: "10.0.0.1:80", Weight: 25, Tags: info.Tags}
		if d := cmp.Diff(want, e); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
		must(t, a.Deregister(info))
	})
}

// A process that waits for Register may read at once, and so may one that waits for
// Deregister.
func TestTheOldLayoutIsWrittenWhenRegisterReturns(t *testing.T) {
	each(t, func(t *testing.T, url string) {
		c := clientOf(t, url)
		for name, a := range map[string]hertzregistry.Registry{
			"NewRegistry":      NewRegistry(connect(t, url), WithCommunityKeys(true)),
			"NewRedisRegistry": NewRedisRegistry(hostOf(url)),
		} {
			info := shopAt("10.0.0.1:80")
			for range 5 {
				must(t, a.Register(info))
				if !c.HExists(t.Context(), oldKey, "10.0.0.1:80").Val() {
					t.Errorf("%s: Register has returned, and %s does not show the node", name, oldKey)
				}
				info.Weight += 5
				must(t, a.Register(info))
				e, err := community.Decode(c.HGet(t.Context(), oldKey, "10.0.0.1:80").Val())
				if err != nil || e.Weight != info.Weight {
					t.Errorf("%s: a second Register has returned, and the weight is %d, %v", name, e.Weight, err)
				}
				must(t, a.Deregister(info))
				if c.HExists(t.Context(), oldKey, "10.0.0.1:80").Val() {
					t.Errorf("%s: Deregister has returned, and %s shows the node", name, oldKey)
				}
			}
		}
	})
}

// Where Redis is away, a server starts all the same.
func TestRegisterDoesNotWaitForAnOldLayoutThatIsAway(t *testing.T) {
	a := NewRedisRegistry(refused(t), WithLogger(zerolog.Nop()))
	must(t, a.Register(shopAt("10.0.0.1:80")))
	must(t, a.Deregister(shopAt("10.0.0.1:80")))
}
