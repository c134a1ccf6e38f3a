package registry_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

var finding = []testCase{
	{"everything registered comes back", everythingComesBack},
	{"what was found may be changed", foundIsOwn},
	{"versions are kept apart", versionsApart},
	{"nodes are merged by ID", nodesMerged},
	{"unknown and empty names are not found", unknownNotFound},
	{"namespaces are kept apart", namespacesApart},
	{"any name works", oddNames},
	{"the newest node speaks for its version", newestSpeaks},
	{"an API document has its cap", documentCap},
	{"a crashed node is gone before and after the reap", crashedGone},
	{"what cannot be read is left out", unreadableLeftOut},
}

// full is a service in which every field is set.
func full() *registry.Service {
	return &registry.Service{
		Name: "shop", Version: "1.2.0", Namespace: "eu",
		Metadata: map[string]string{"team": "cart", "quote": "\"<&>'\n\t\u2028", "empty": ""},
		Endpoints: []*registry.Endpoint{
			{
				Name: "Add", Metadata: map[string]string{"path": "/add"},
				Request: &registry.Value{Name: "Sum", Type: "object", Values: []*registry.Value{
					{Name: "a", Type: "int"}, {Name: "b", Type: "list", Values: []*registry.Value{{Type: "int"}}},
				}},
				Response: &registry.Value{Name: "Total", Type: "int"},
			},
			{Name: "Ping"},
		},
		Nodes: []*registry.Node{
			{ID: "a", Address: "10.0.0.1:80", Weight: 7, Zone: "eu-1a", Metadata: map[string]string{"rack": "12"}},
			{ID: "b", Network: "unix", Address: "/run/shop.sock", Status: registry.Draining},
			{ID: "c", Network: "tcp6", Address: "[2001:db8::1]:8080", Zone: "eu-1b"},
		},
		TTL:  7 * time.Second,
		APIs: json.RawMessage(`{ "openapi" : "3.1.0", "info":{"title":"é"} }`),
	}
}

// No two maps of a result are one: a caller that changes one of them, to register it, say,
// changes no other.
func foundIsOwn(t *testing.T, tp redistest.Topology) {
	r := open(t, tp, renewRarely)
	tags := map[string]string{"team": "cart", "stage": "test"}
	for _, version := range []string{"1", "2"} {
		s := &registry.Service{Name: "shop", Version: version, Metadata: tags}
		for i := range 3 {
			s.Nodes = append(s.Nodes, &registry.Node{Address: fmt.Sprintf("10.0.%s.%d:80", version, i), Metadata: tags})
		}
		register(t, r, s)
	}
	var all []map[string]string
	for _, s := range get(t, r, "shop") {
		all = append(all, s.Metadata)
		for _, n := range s.Nodes {
			all = append(all, n.Metadata)
		}
	}
	for i, m := range all {
		if d := cmp.Diff(tags, m); d != "" {
			t.Errorf("map %d of %d (-registered +found):\n%s", i, len(all), d)
		}
		m["stage"] = fmt.Sprint(i)
	}
}

func everythingComesBack(t *testing.T, tp redistest.Topology) {
	r := open(t, tp, renewRarely)
	register(t, r, full())
	if d := cmp.Diff([]*registry.Service{full()}, get(t, r, "shop", registry.GetNamespace("eu"))); d != "" {
		t.Errorf("(-registered +found):\n%s", d)
	}
}

func versionsApart(t *testing.T, tp redistest.Topology) {
	r := open(t, tp, renewRarely)
	for _, v := range []string{"2", "", "1"} {
		s := service("shop", node("a"+v), node("b"+v))
		s.Version, s.Metadata = v, map[string]string{"is": v}
		register(t, r, s)
	}
	services := get(t, r, "shop")
	for i, want := range []string{"", "1", "2"} {
		if i >= len(services) || services[i].Version != want || services[i].Metadata["is"] != want {
			t.Errorf("service %d of %d is not version %q", i, len(services), want)
		}
	}
	wantIDs(t, r, "shop", "/a", "/b", "1/a1", "1/b1", "2/a2", "2/b2")
}

func nodesMerged(t *testing.T, tp redistest.Topology) {
	r, other := open(t, tp, renewRarely), open(t, tp, renewRarely)
	register(t, r, service("shop", node("a"), node("c")))
	register(t, other, service("shop", node("b")))
	register(t, r, service("shop", node("c"), node("d")))
	wantIDs(t, other, "shop", "/a", "/b", "/c", "/d")
}

func unknownNotFound(t *testing.T, tp redistest.Topology) {
	r := open(t, tp, renewRarely)
	register(t, r, service("shop", node("a")))
	for _, name := range []string{"", "nobody", "sho", "shop2", "*"} {
		for _, ns := range []string{"", "other", "*"} {
			services, err := r.GetService(t.Context(), name, registry.GetNamespace(ns))
			wantErr(t, err, registry.ErrNotFound)
			if services != nil {
				t.Errorf("%q: services %v with an error", name, services)
			}
		}
	}
}

func namespacesApart(t *testing.T, tp redistest.Topology) {
	eu, us := open(t, tp, renewRarely, registry.Namespace("eu")), open(t, tp, renewRarely, registry.Namespace("us"))
	register(t, eu, service("shop", node("a")))
	register(t, us, service("shop", node("b")))
	register(t, us, service("desk", node("b")))
	inAsia := service("shop", node("c"))
	inAsia.Namespace = "asia"
	register(t, us, inAsia)
	register(t, us, inAsia, registry.RegisterNamespace("asia2")) // wins over Service.Namespace

	wantIDs(t, eu, "shop", "/a")
	wantIDs(t, us, "shop", "/b")
	if got := ids(t, eu, "shop", registry.GetNamespace("us")); len(got) != 1 || got[0] != "/b" {
		t.Errorf("in us: %v", got)
	}
	var all []string
	for _, s := range get(t, eu, "shop", registry.GetNamespace("*")) {
		all = append(all, s.Namespace+":"+s.Nodes[0].ID)
	}
	if d := cmp.Diff([]string{"asia2:c", "asia:c", "eu:a", "us:b"}, sorted(all)); d != "" {
		t.Errorf("across namespaces (-want +got):\n%s", d)
	}

	deregister(t, us, inAsia, registry.DeregisterNamespace("asia2"))
	if got := ids(t, us, "shop", registry.GetNamespace("asia2")); got != nil {
		t.Errorf("in asia2 after Deregister: %v", got)
	}
	if got := ids(t, us, "shop", registry.GetNamespace("asia")); len(got) != 1 {
		t.Errorf("in asia after Deregister in asia2: %v", got)
	}
}

func oddNames(t *testing.T, tp redistest.Topology) {
	r := open(t, tp, renewRarely)
	odd := []string{
		"日本語", "a b", " ", "a/b", "/", "{a}", "}{", "{}", "*", "a*", "?[a-z]", `back\slash`, "a:b", "a%2Fb", "%", "é\u0301",
		"node:x", "index", strings.Repeat("x", 255), strings.Repeat("ü", 127),
	}
	var want []string
	for _, name := range odd {
		s := &registry.Service{
			Name: name, Version: name, Namespace: "ns " + name, Metadata: map[string]string{name: name},
			Nodes: []*registry.Node{{ID: name, Address: "10.0.0.1:80", Zone: name, Metadata: map[string]string{name: name}}},
			TTL:   10 * time.Second,
		}
		if len(s.Namespace) > 255 {
			s.Namespace = name
		}
		register(t, r, s)
		if d := cmp.Diff([]*registry.Service{s}, get(t, r, name, registry.GetNamespace(s.Namespace))); d != "" {
			t.Errorf("%q (-registered +found):\n%s", name, d)
		}
		want = append(want, s.Namespace+"\n"+s.Name+"\n"+s.Version)
	}
	for _, name := range odd {
		if got := ids(t, r, name, registry.GetNamespace("*")); len(got) != 1 || got[0] != name+"/"+name {
			t.Errorf("%q across namespaces: %q", name, got)
		}
	}
	services, err := r.ListServices(t.Context(), registry.ListNamespace("*"))
	if err != nil {
		t.Fatal(err)
	}
	var listed []string
	for _, s := range services {
		listed = append(listed, s.Namespace+"\n"+s.Name+"\n"+s.Version)
	}
	if d := cmp.Diff(sorted(want), sorted(listed)); d != "" {
		t.Errorf("listed (-want +got):\n%s", d)
	}
}

func newestSpeaks(t *testing.T, tp redistest.Topology) {
	r, other := open(t, tp, renewRarely), open(t, tp, renewRarely)
	say := func(r *registry.Redis, id, word string) {
		t.Helper()
		s := service("shop", node(id))
		s.Metadata = map[string]string{"word": word}
		s.Endpoints = []*registry.Endpoint{{Name: word}}
		if word != "no document" {
			s.APIs = json.RawMessage(fmt.Sprintf("%q", word))
		}
		register(t, r, s)
	}
	stored := func(want string) {
		t.Helper()
		s := get(t, r, "shop")[0]
		if s.Metadata["word"] != want || len(s.Endpoints) != 1 || s.Endpoints[0].Name != want {
			t.Errorf("metadata %v and endpoints %v, want %q", s.Metadata, s.Endpoints, want)
		}
		document := fmt.Sprintf("%q", want)
		if want == "no document" {
			document = ""
		}
		if string(s.APIs) != document {
			t.Errorf("document %s, want %s", s.APIs, document)
		}
	}
	say(r, "z", "first")
	stored("first")
	say(other, "a", "second")
	stored("second")
	say(r, "z", "third")
	stored("third")
	say(other, "a", "second") // unchanged: no news
	stored("third")
	say(other, "a", "no document")
	stored("no document")
	deregister(t, other, service("shop"))
	stored("third")
}

func documentCap(t *testing.T, tp redistest.Topology) {
	r := open(t, tp, renewRarely)
	s := service("shop", node("a"), node("b"))
	s.APIs = json.RawMessage(`"` + strings.Repeat("x", 64<<10-2) + `"`)
	register(t, r, s)
	if got := get(t, r, "shop")[0].APIs; !bytes.Equal(got, s.APIs) {
		t.Errorf("%d bytes came back of %d", len(got), len(s.APIs))
	}
	s.APIs = append(s.APIs, ' ')
	wantErr(t, r.Register(t.Context(), s), registry.ErrInvalid)
	if got := get(t, r, "shop")[0].APIs; len(got) != 64<<10 {
		t.Errorf("%d bytes are left after a refused Register", len(got))
	}
}

// The crashed process never comes to renew, nor is there another process to reap it.
