package hertzadapter

import (
	"strings"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// The rights that docs/protocol.md and docs/migration.md name are enough, and with
// the optional CONFIG GET nothing at all is refused.
func TestTheRightsOfTheDocs(t *testing.T) {
	const (
		registrar = `~rollcall:{default/shop}:* ~rollcall:{default}:services ~rollcall:namespaces
			+evalsha +eval +time +hmget +hget +hset +del +pexpire +pttl +zadd +zrem +zrange +zmscore +llen +lpush +ltrim
			+publish +multi +exec +ping +zremrangebyscore +config|get`
		reader = `&rollcall:{default/shop}:events:* %R~rollcall:{default/shop}:*
			+hmget +hscan +zrange +zcard +zscan +lrange +time +multi +exec +ping +subscribe +unsubscribe +config|get`
		oldServer = `~/hertz/* +evalsha +eval +time +exists +hget +hmget +hgetall +hset +hdel +pttl +pexpire`
		oldClient = `%R~/hertz/* &/hertz/* +hgetall +subscribe +unsubscribe`
	)
	s := redistest.Start(t)
	connectAs := func(name, rights string, opts ...registry.Option) *registry.Redis {
		s.SetUser(name, append([]string{"on", ">secret"}, strings.Fields(rights)...)...)
		return connect(t, s.URL(), append(opts, registry.Username(name), registry.Password("secret"))...)
	}
	old := oldPackage{c: s.Client(), publishes: true}
	must(t, old.Register(shopAt("10.0.0.8:80")))

	const ttl = 2 * time.Second
	proxy := redistest.StartProxy(t, s.Addr())
	crashing := NewRegistry(connect(t, "redis://"+proxy.Addr(), registry.TTL(ttl), registry.Timeout(time.Second)), WithCommunityKeys(true))
	must(t, crashing.Register(shopAt("10.0.0.2:80")))
	a := NewRegistry(connectAs("server", registrar+" "+reader+" "+oldServer, registry.TTL(ttl)), WithCommunityKeys(true))
	must(t, a.Register(shopAt("10.0.0.1:80")))
	v := both(t, connectAs("client", reader+" "+oldClient))
	sees(t, v, "10.0.0.1:80", "10.0.0.2:80", "10.0.0.8:80")
	old.finds(t, "10.0.0.1:80", "10.0.0.2:80", "10.0.0.8:80")

	start := time.Now()
	must(t, old.Register(shopAt("10.0.0.9:80")))
	sees(t, v, "10.0.0.1:80", "10.0.0.2:80", "10.0.0.8:80", "10.0.0.9:80")
	if took := time.Since(start); took > communityPoll/2 {
		t.Errorf("a server that publishes was found after %v", took)
	}
	proxy.Cut()
	old.finds(t, "10.0.0.1:80", "10.0.0.8:80", "10.0.0.9:80")
	must(t, a.Deregister(shopAt("10.0.0.1:80")))
	old.finds(t, "10.0.0.8:80", "10.0.0.9:80")

	refused, err := s.Client().Do(t.Context(), "ACL", "LOG").Slice()
	must(t, err)
	for _, entry := range refused {
		t.Errorf("Redis refused: %v", entry)
	}
}
