package community

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-go/rollcall/registry"
)

func entry(addr string, weight int, tags map[string]string) Entry {
	return Entry{Service: "shop", Addr: addr, Weight: weight, Tags: tags}
}

func TestMerge(t *testing.T) {
	node := func(addr string) *registry.Node { return &registry.Node{ID: addr, Address: addr} }
	listed := func(addr string, tags map[string]string) *registry.Node {
		return &registry.Node{ID: addr, Network: "tcp", Address: addr, Zone: tags["zone"], Metadata: tags}
	}
	v1, v2 := map[string]string{"version": "v1", "zone": "eu"}, map[string]string{"version": "v2"}
	cases := map[string]struct {
		view   []*registry.Service
		listed []Entry
		want   []*registry.Service
	}{
		"nothing": {},
		"only ours": {
			view: []*registry.Service{{Name: "shop", Nodes: []*registry.Node{node("a:1")}}},
			want: []*registry.Service{{Name: "shop", Nodes: []*registry.Node{node("a:1")}}},
		},
		"only theirs": {
			listed: []Entry{entry("x:1", -5, v1), entry("y:1", 0, nil)},
			want: []*registry.Service{
				{Name: "shop", Namespace: "default", Nodes: []*registry.Node{listed("y:1", nil)}},
				{Name: "shop", Namespace: "default", Version: "v1", Nodes: []*registry.Node{listed("x:1", v1)}},
			},
		},
		"the same address: ours wins, in whatever version": {
			view:   []*registry.Service{{Name: "shop", Version: "v2", Nodes: []*registry.Node{node("a:1")}}},
			listed: []Entry{entry("a:1", 50, v1)},
			want:   []*registry.Service{{Name: "shop", Version: "v2", Nodes: []*registry.Node{node("a:1")}}},
		},
		"a version of ours, and a new one between": {
			view: []*registry.Service{
				{Name: "shop", Version: "v1", Metadata: map[string]string{"k": "v"}, Nodes: []*registry.Node{node("a:1")}},
				{Name: "shop", Version: "v3", Nodes: []*registry.Node{node("c:1")}},
			},
			listed: []Entry{entry("x:1", 0, v1), entry("y:1", 0, v2), entry("z:1", 0, v2)},
			want: []*registry.Service{
				{Name: "shop", Version: "v1", Metadata: map[string]string{"k": "v"}, Nodes: []*registry.Node{node("a:1"), listed("x:1", v1)}},
				{Name: "shop", Namespace: "default", Version: "v2", Nodes: []*registry.Node{listed("y:1", v2), listed("z:1", v2)}},
				{Name: "shop", Version: "v3", Nodes: []*registry.Node{node("c:1")}},
			},
		},
	}
	for name, c := range cases {
		v := &registry.View{Revision: 7, Services: c.view}
		before := clone(c.view)
		got := Merge(v, c.listed, "shop", "default")
		if d := cmp.Diff(c.want, got.Services); d != "" || got.Revision != 7 {
			t.Errorf("%s: revision %d, services (-want +got):\n%s", name, got.Revision, d)
		}
		if d := cmp.Diff(before, v.Services); d != "" {
			t.Errorf("%s: the shared view has changed (-before +after):\n%s", name, d)
		}
	}
}

// clone copies services, and their lists of nodes.
func clone(services []*registry.Service) []*registry.Service {
	var out []*registry.Service
	for _, s := range services {
		c := *s
		c.Nodes = append([]*registry.Node(nil), s.Nodes...)
		out = append(out, &c)
	}
	return out
}

func TestForeign(t *testing.T) {
	home := Home{Prefix: "rollcall", Namespace: "default"}
	ours := Entry{Addr: "a:1", Mark: &Mark{Home: home}}
	blue := Entry{Addr: "b:1", Mark: &Mark{Home: Home{Prefix: "rollcall", Namespace: "blue"}}}
	old := Entry{Addr: "c:1"}
	got := foreign(map[string]string{
		"a:1": ours.Encode(), "b:1": blue.Encode(), "c:1": old.Encode(), "again": old.Encode(),
		"bad": "x", "/run/shop.sock": `{"addr":"/run/shop.sock"}`,
	}, home)
	if d := cmp.Diff([]Entry{blue, old}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
