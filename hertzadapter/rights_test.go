package hertzadapter

import (
	"slices"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// The rights that docs/protocol.md and docs/migration.md name are enough, and with
// the optional CONFIG GET nothing at all is refused.
func TestTheRightsOfTheDocs(t *testing.T) {
	const protocol, migration, namespace = "../docs/protocol.md", "../docs/migration.md", "prod" // that of protocol.md
	server := slices.Concat(
		redistest.Rights(t, protocol, "registrar"), redistest.Rights(t, protocol, "resolver"),
		redistest.MoreRights(t, protocol, "a warning"), redistest.MoreRights(t, migration, "servers"),
	)
	client := slices.Concat(
		redistest.Rights(t, protocol, "resolver"),
		redistest.MoreRights(t, protocol, "a warning"), redistest.MoreRights(t, migration, "clients"),
	)
	s := redistest.Start(t)
	connectAs := func(name string, rights []string, opts ...registry.Option) *registry.Redis {
		s.SetUser(name, rights...)
		return connect(t, s.URL(), append(opts, registry.Namespace(namespace), registry.Username(name), registry.Password("secret"))...)
	}
	old := oldPackage{c: s.Client(), publishes: true}
	must(t, old.Register(shopAt("10.0.0.8:80")))

	const ttl = 2 * time.Second
	proxy := redistest.StartProxy(t, s.Addr())
	crashing := NewRegistry(connect(t, "redis://"+proxy.Addr(), registry.TTL(ttl), registry.Timeout(time.Second), registry.Namespace(namespace)), WithCommunityKeys(true))
	must(t, crashing.Register(shopAt("10.0.0.2:80")))
	a := NewRegistry(connectAs("server", server, registry.TTL(ttl)), WithCommunityKeys(true))
	must(t, a.Register(shopAt("10.0.0.1:80")))
	v := messagesAlone(t, connectAs("client", client))
	sees(t, v, "10.0.0.1:80", "10.0.0.2:80", "10.0.0.8:80")
	old.finds(t, "10.0.0.1:80", "10.0.0.2:80", "10.0.0.8:80")

	must(t, old.Register(shopAt("10.0.0.9:80")))
	sees(t, v, "10.0.0.1:80", "10.0.0.2:80", "10.0.0.8:80", "10.0.0.9:80")
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
