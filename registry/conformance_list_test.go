package registry_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

var listing = []testCase{
	{"names, versions and namespaces are listed", namesListed},
	{"what has no live node is not listed", deadNotListed},
	{"an empty registry lists nothing", emptyListed},
	{"one registry serves many services", manyServices},
	{"foreign catalogue entries are left out", foreignEntries},
}

// list returns what ListServices finds, as "namespace/name/version".
func list(t *testing.T, r *registry.Redis, ns string) []string {
	t.Helper()
	services, err := r.ListServices(t.Context(), registry.ListNamespace(ns))
	if err != nil {
		t.Fatal(err)
	}
	listed := []string{}
	for _, s := range services {
		want := &registry.Service{Namespace: s.Namespace, Name: s.Name, Version: s.Version}
		if d := cmp.Diff(want, s); d != "" {
			t.Errorf("ListServices returns more than name, version and namespace:\n%s", d)
		}
		listed = append(listed, s.Namespace+"/"+s.Name+"/"+s.Version)
	}
	return listed
}

func wantList(t *testing.T, r *registry.Redis, ns string, want ...string) {
	t.Helper()
	if d := cmp.Diff(append([]string{}, want...), list(t, r, ns)); d != "" {
		t.Errorf("listed in %q (-want +got):\n%s", ns, d)
	}
}

// versioned builds a service of one node.
func versioned(ns, name, version, id string) *registry.Service {
	return &registry.Service{Namespace: ns, Name: name, Version: version, Nodes: []*registry.Node{node(id)}}
}

func namesListed(t *testing.T, tp redistest.Topology) {
	r, other := open(t, tp, renewRarely), open(t, tp, renewRarely)
	shop := full()
	shop.Namespace = ""
	register(t, r, shop)
	register(t, r, versioned("", "shop", "2", "d"))
	register(t, other, versioned("", "desk", "", "a"))
	register(t, other, versioned("eu", "shop", "2", "a"))
	wantList(t, other, "", "default/desk/", "default/shop/1.2.0", "default/shop/2")
	wantList(t, r, "eu", "eu/shop/2")
	wantList(t, r, "nowhere")
	wantList(t, r, "*", "default/desk/", "default/shop/1.2.0", "default/shop/2", "eu/shop/2")
	wantList(t, open(t, tp, renewRarely, registry.Namespace("eu")), "", "eu/shop/2")
}

func deadNotListed(t *testing.T, tp redistest.Topology) {
	r, b := open(t, tp, renewRarely), behind(t, tp, "desk")
	register(t, r, versioned("", "shop", "1", "a"))
	register(t, r, versioned("", "shop", "2", "b"))
	wantList(t, r, "", "default/shop/1", "default/shop/2")
	register(t, r, versioned("", "desk", "", "a"), registry.RegisterManual(), registry.RegisterTTL(time.Second))
	deregister(t, r, versioned("", "shop", "2", "b"))
	eventually(t, patience, func() error {
		if d := cmp.Diff([]string{"default/shop/1"}, list(t, r, "")); d != "" {
			return errDiff(d)
		}
		return nil
	})
	for _, member := range []string{keys.ServiceMember("desk", ""), keys.ServiceMember("shop", "2")} {
		if err := b.client.ZScore(t.Context(), space(t).Services(""), member).Err(); err != nil {
			t.Errorf("the catalogue has forgotten %s already: %v", member, err)
		}
	}
}

func emptyListed(t *testing.T, tp redistest.Topology) {
	r := open(t, tp, renewRarely)
	services, err := r.ListServices(t.Context())
	if err != nil || services == nil || len(services) != 0 {
		t.Errorf("services %#v, error %v, want an empty list", services, err)
	}
	wantList(t, r, "*")
}

func manyServices(t *testing.T, tp redistest.Topology) {
	r, reader := open(t, tp, renewRarely), open(t, tp, renewRarely)
	want := []string{}
	for _, ns := range []string{"default", "eu"} {
		for _, name := range []string{"a", "b", "c", "d", "e"} {
			for _, version := range []string{"1", "2"} {
				register(t, r, versioned(ns, name, version, "n"+version))
				want = append(want, ns+"/"+name+"/"+version)
			}
		}
	}
	wantList(t, reader, "*", want...)
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		wantIDs(t, reader, name, "1/n1", "2/n2")
	}
}

func foreignEntries(t *testing.T, tp redistest.Topology) {
	log := &logBuffer{}
	r := open(t, tp, renewRarely, logInto(log))
	register(t, r, versioned("", "shop", "", "a"))
	b := behind(t, tp, "shop")
	for key, members := range map[string][]string{
		space(t).Services("default"): {"bad entry", "/", "gone" + keys.ServiceMember("", "")},
		space(t).Namespaces():        {"bad entry", "%zz", "gone"},
	} {
		for _, m := range members {
			b.add(key, m)
		}
	}
	wantList(t, r, "", "default/shop/")
	wantList(t, r, "*", "default/shop/")
	wantLog(t, log, "holds foreign entries")
}
