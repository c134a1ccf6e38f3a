package registry_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

var watchingNamespaces = []testCase{
	{"a namespace: what the catalogue has and what comes", watchNamespace},
	{"all namespaces", watchAllNamespaces},
	{"one service in all namespaces", watchServiceEverywhere},
	{"many watch one namespace", watchNamespaceByMany},
}

// in is a service of a namespace with one node.
func in(ns, name, id string) *registry.Service {
	s := service(name, node(id))
	s.Namespace = ns
	return s
}

func watchNamespace(t *testing.T, tp redistest.Topology) {
	r := open(t, tp)
	register(t, r, in("eu", "shop", "a"))
	register(t, r, in("eu", "desk", "b"))
	register(t, r, in("us", "shop", "c"))
	register(t, r, in("", "shop", "d"))
	a := watch(t, open(t, tp, registry.PollInterval(time.Hour)), registry.WatchNamespace("eu"))
	a.expectAll("create /a", "create /b")
	began := time.Now()
	register(t, r, in("eu", "new", "e"))
	a.expect("create /e")
	t.Logf("the first node of a new service: reported after %v", time.Since(began).Round(time.Millisecond))
	register(t, r, in("us", "new", "f"))
	deregister(t, r, in("eu", "shop", "a"))
	a.expect("delete /a")

	other := watch(t, open(t, tp, registry.Namespace("us"))) // by the registry's own namespace
	other.expectAll("create /c", "create /f")
	deregister(t, r, in("us", "new", "f"))
	other.expect("delete /f")
	register(t, r, in("eu", "end", "end"))
	a.expect("create /end")
}

func watchAllNamespaces(t *testing.T, tp redistest.Topology) {
	r := open(t, tp)
	register(t, r, in("eu", "shop", "a"))
	register(t, r, in("", "shop", "b"))
	a := watch(t, open(t, tp), registry.WatchNamespace("*"))
	got := a.expectAll("create /a", "create /b")
	spaces := map[string]string{}
	for _, res := range got {
		spaces[res.Service.Nodes[0].ID] = res.Service.Namespace
	}
	if spaces["a"] != "eu" || spaces["b"] != "default" {
		t.Errorf("namespaces: %v", spaces)
	}
	register(t, r, in("n/e{w}*", "shöp", "c"))
	if s := a.expect("create /c")[0].Service; s.Namespace != "n/e{w}*" || s.Name != "shöp" {
		t.Errorf("namespace %q, name %q", s.Namespace, s.Name)
	}
	deregister(t, r, in("eu", "shop", "a"))
	a.expect("delete /a")
}

func watchServiceEverywhere(t *testing.T, tp redistest.Topology) {
	r, reader := open(t, tp), open(t, tp)
	register(t, r, in("eu", "shop", "a"))
	register(t, r, in("us", "shop", "b"))
	register(t, r, in("us", "shop-2", "c"))
	a := watch(t, reader, registry.WatchService("shop"), registry.WatchNamespace("*"))
	a.expectAll("create /a", "create /b")
	all := watch(t, reader, registry.WatchNamespace("*")) // beside it
	all.expectAll("create /a", "create /b", "create /c")
	register(t, r, in("asia", "desk", "d"))
	all.expect("create /d")
	register(t, r, in("asia", "shop", "e"))
	a.expect("create /e")
	all.expect("create /e")
	desk := watch(t, reader, registry.WatchService("desk"), registry.WatchNamespace("*"))
	desk.expect("create /d")
	all.watcher.Stop()
	deregister(t, r, in("us", "shop", "b"))
	a.expect("delete /b")
	deregister(t, r, in("asia", "desk", "d"))
	desk.expect("delete /d")
}

func watchNamespaceByMany(t *testing.T, tp redistest.Topology) {
	r, reader := open(t, tp), open(t, tp)
	register(t, r, in("eu", "shop", "a"))
	first := watch(t, reader, registry.WatchNamespace("eu"))
	first.expect("create /a")
	one := watch(t, reader, registry.WatchNamespace("eu"), registry.WatchService("shop"))
	one.expect("create /a")
	var more []*recorder
	for range 5 {
		more = append(more, watch(t, reader, registry.WatchNamespace("eu")))
	}
	register(t, r, in("eu", "desk", "b"))
	first.expect("create /b")
	first.watcher.Stop()
	for i, a := range more {
		a.expectAll("create /a", "create /b")
		register(t, r, in("eu", "shop", fmt.Sprint(i)))
	}
	for _, a := range append(more, one) {
		a.expect("create /0", "create /1", "create /2", "create /3", "create /4")
		a.watcher.Stop()
	}
	watch(t, reader, registry.WatchNamespace("eu")).
		expectAll("create /a", "create /b", "create /0", "create /1", "create /2", "create /3", "create /4")
}
