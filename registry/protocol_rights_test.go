package registry_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// The rights of docs/protocol.md, as they are written there, are enough: a
// registrar registers, renews, reaps and deregisters, an operator overrides, a
// reader reads and watches, and Redis refuses nothing but what is optional.
func TestProtocolRights(t *testing.T) {
	t.Run("standalone", func(t *testing.T) {
		server := redistest.Start(t)
		protocolRights(t, at(server), server)
	})
	t.Run("cluster", func(t *testing.T) {
		cluster := redistest.SharedCluster(t)
		protocolRights(t, redistest.Topology{Addrs: cluster.Addrs(), Cluster: true}, cluster.Servers()...)
	})
}

func protocolRights(t *testing.T, tp redistest.Topology, servers ...*redistest.Server) {
	const page, namespace = "../docs/protocol.md", "prod" // the page's
	as := func(user string, more ...string) (name string) {
		t.Helper()
		name = fmt.Sprint(user, len(more))
		rights := redistest.Rights(t, page, user)
		if tp.Cluster {
			more = append(more, "every user in a cluster")
		}
		for _, what := range more {
			rights = append(rights, redistest.MoreRights(t, page, what)...)
		}
		for _, s := range servers {
			s.SetUser(name, rights...)
			t.Cleanup(func() { s.Client().ACLDelUser(t.Context(), name) })
		}
		return name
	}
	openAs := func(user string, more ...string) *registry.Redis {
		return open(t, tp, registry.Username(as(user, more...)), registry.Password("secret"),
			registry.Prefix("rollcall"), registry.Namespace(namespace), registry.TTL(2*time.Second))
	}
	space, err := keys.New("rollcall")
	if err != nil {
		t.Fatal(err)
	}
	rawServiceAs := func(change ...func(*redis.UniversalOptions)) rawService {
		return rawService{t, tp.NewClient(t, change...), space.Service(namespace, "shop")}
	}
	b := rawServiceAs()
	operator := as("registrar", "an operator")
	op := rawServiceAs(func(o *redis.UniversalOptions) { o.Username, o.Password = operator, "secret" })
	r, reader := openAs("registrar"), openAs("reader")
	all := openAs("reader", "a reader that watches all", "such a reader")

	shop, everything := watch(t, reader, registry.WatchService("shop")), watch(t, all)
	register(t, r, service("shop", node("a")))
	b.plant("crashed", time.Second, `{"v":1,"address":"10.0.0.9:80"}`)
	b.extended("a", b.end("a"))
	eventually(t, patience, func() error {
		if b.end("crashed") != 0 {
			return fmt.Errorf("no registry has reaped the crashed node")
		}
		return nil
	})
	op.override("a", `{"weight":3}`)
	op.override("a", "")
	if found := get(t, reader, "shop"); len(found) != 1 {
		t.Errorf("found %v", found)
	}
	if listed, err := reader.ListServices(t.Context()); len(listed) != 1 || err != nil {
		t.Errorf("listed %v, %v", listed, err)
	}
	deregister(t, r, service("shop"))
	for _, a := range []*recorder{shop, everything} {
		a.expect("create /a", "create /crashed", "delete /crashed", "update /a", "update /a", "delete /a")
	}

	for _, s := range servers {
		for _, entry := range refusals(t, s) {
			if what := entry["object"]; what != "config" && what != "config|get" {
				t.Errorf("Redis refused %v", entry)
			}
		}
	}
}

// refusals returns the entries of a server's ACL LOG.
func refusals(t *testing.T, s *redistest.Server) (entries []map[any]any) {
	t.Helper()
	log, err := s.Client().Do(t.Context(), "ACL", "LOG").Slice()
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range log {
		switch e := entry.(type) {
		case map[any]any:
			entries = append(entries, e)
		case []any: // RESP2
			m := map[any]any{}
			for pair := range slices.Chunk(e, 2) {
				m[pair[0]] = pair[1]
			}
			entries = append(entries, m)
		}
	}
	return entries
}
