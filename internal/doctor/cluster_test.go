package doctor

import (
	"testing"

	"github.com/rollcall-go/rollcall/internal/acl"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

func TestACluster(t *testing.T) {
	c := redistest.StartCluster(t)
	at := func(opts ...registry.Option) *registry.Redis {
		return open(t, c.Addrs()[0], append(opts, registry.Cluster(true))...)
	}
	register(t, at(), "shop")
	findings := examine(t, at(), Options{Roles: acl.Roles})
	for _, f := range findings {
		if f.Level == Fail || f.Level == Unknown {
			t.Errorf("%+v", f)
		}
	}
	has(t, findings, "cluster", OK, "a replica")
	has(t, findings, "foreign keys", OK, "all 6 keys")

	all := rules(t, c.Servers()[0], acl.Request{Roles: []acl.Role{acl.Registrar}, Cluster: true})
	for _, s := range c.Servers() {
		user(t, s, all)
	}
	here := c.Masters()[1]
	limited := user(t, here, append(all, "-publish"))
	has(t, examine(t, at(limited), Options{Roles: []acl.Role{acl.Registrar}}), "rights: registrar", Fail, "+publish")

	here.SetConfig("timeout", "5")
	for _, f := range examine(t, at(), Options{}) {
		if f.Check == "timeout" && (f.Level != Warn || f.Server != here.Addr()) {
			t.Errorf("%+v, want a warning of %s", f, here.Addr())
		}
	}

	for _, s := range c.Servers() {
		must(t, s.Client().ClusterDelSlots(t.Context(), 1, 2, 3))
	}
	has(t, examine(t, at(), Options{}), "cluster", Fail, "3 of 16384 slots")
}
