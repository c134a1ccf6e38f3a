package registry_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-go/rollcall/internal/lua"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// TestWatchConformance runs every case on every topology, as TestConformance does.
func TestWatchConformance(t *testing.T) {
	redistest.Each(t, func(t *testing.T, tp redistest.Topology) {
		for _, group := range [][]testCase{watching, watchingCrashes, watchingExpiry, watchingNamespaces, watchEnds} {
			for _, c := range group {
				t.Run(c.name, func(t *testing.T) {
					t.Parallel()
					c.run(t, tp)
				})
			}
		}
	})
}

var watching = []testCase{
	{"nodes that are registered come first, a result each", watchStartsWithCreates},
	{"changes come in order, with time, revision and history", watchReportsChanges},
	{"a refresh without a change gives no result", watchSkipsRefresh},
	{"a node that moves to another version leaves the first", watchReportsVersionMove},
	{"a takeover is an update", watchReportsTakeover},
	{"changes by an operator are results", watchReportsOperator},
	{"what an operator has set waits for the node", watchReportsWaitingOverride},
	{"nodes that Redis loses are not deleted", watchOverLostKeys},
	{"many watch one service", watchByMany},
	{"odd names", watchOddNames},
	{"what cannot be watched", watchInvalid},
	{"a result is the caller's own", watchResultsAreOwn},
}

func watchStartsWithCreates(t *testing.T, tp redistest.Topology) {
	r := open(t, tp)
	shop := full()
	shop.Namespace, shop.Version = "", "v1"
	register(t, r, shop)
	register(t, r, &registry.Service{Name: "shop", Version: "v2", Nodes: []*registry.Node{node("z")}})
	a := watch(t, open(t, tp), registry.WatchService("shop"))
	want := []string{"create v2/z"}
	for _, n := range shop.Nodes {
		want = append(want, "create v1/"+n.ID)
	}
	l := storedServiceOf(t, tp.NewClient(t), "shop")
	epoch, rev := l.version()
	found := map[string]*registry.Service{}
	for _, s := range get(t, r, "shop") {
		for _, n := range s.Nodes {
			one := *s
			one.Nodes, one.APIs = []*registry.Node{n}, nil
			found[n.ID] = &one
		}
	}
	for _, res := range a.expectAll(want...) {
		if res.History != epoch || res.Revision != uint64(rev) || time.Since(res.Timestamp).Abs() > patience {
			t.Errorf("%s: revision %d of %q at %v, want %d of %q", short(res), res.Revision, res.History, res.Timestamp, rev, epoch)
		}
		if d := cmp.Diff(found[res.Service.Nodes[0].ID], res.Service); d != "" {
			t.Errorf("%s (-GetService +Watch):\n%s", short(res), d)
		}
	}
}

func watchReportsChanges(t *testing.T, tp redistest.Topology) {
	r, client := open(t, tp), tp.NewClient(t)
	began := time.Now()
	a := watch(t, open(t, tp), registry.WatchService("shop")) // which is not registered yet
	bounded(t, began, 0, "Watch of an unknown service")

	n := node("a")
	change := func(zone string) func() {
		return func() {
			n.Zone = zone
			register(t, r, service("shop", n))
		}
	}
	for i, step := range []struct {
		do   func()
		want string
		zone string
	}{
		{change("eu"), "create /a", "eu"},
		{change("us"), "update /a", "us"},
		{func() { deregister(t, r, service("shop")) }, "delete /a", "us"}, // as it was last known
		{change("eu"), "create /a", "eu"},
	} {
		before := client.Time(t.Context()).Val()
		step.do()
		res := a.expect(step.want)[0]
		after := client.Time(t.Context()).Val()
		epoch, _ := storedServiceOf(t, client, "shop").version()
		if res.Revision != uint64(i+1) || res.History != epoch {
			t.Errorf("%s: revision %d of %q, want %d of %q", step.want, res.Revision, res.History, i+1, epoch)
		}
		if early := before.Add(-time.Second); res.Timestamp.Before(early) || res.Timestamp.After(after.Add(time.Second)) {
			t.Errorf("%s: at %v, want %v to %v", step.want, res.Timestamp, before, after)
		}
		if got := res.Service.Nodes[0].Zone; got != step.zone {
			t.Errorf("%s: zone %q, want %q", step.want, got, step.zone)
		}
	}
}

func watchSkipsRefresh(t *testing.T, tp redistest.Topology) {
	r, b := open(t, tp), behind(t, tp, "shop")
	register(t, r, service("shop", node("a"), node("b")))
	a := watch(t, open(t, tp), registry.WatchService("shop"))
	a.expectAll("create /a", "create /b")
	register(t, r, service("shop", node("a")))
	b.extended("a", b.end("a"))
	b.override("a", `{"weight":7}`)
	a.expect("update /a")
	sameAgain := b.overriding("a", `{"weight":7}`)
	sameAgain.Aspects = sameAgain.Aspects[1:]
	if r := lua.Override(t.Context(), b.client, sameAgain)[0]; r.Err != nil || r.Codes[0] != lua.Quiet {
		t.Errorf("the same override again: %+v", r)
	}
	register(t, r, service("shop", node("end")))
	a.expect("create /end")
}

func watchReportsVersionMove(t *testing.T, tp redistest.Topology) {
	r := open(t, tp)
	a := watch(t, open(t, tp), registry.WatchService("shop"))
	move := func(version string) {
		n := node("a")
		n.Zone = "of " + version
		register(t, r, &registry.Service{Name: "shop", Version: version, Nodes: []*registry.Node{n}})
	}
	move("v1")
	got := a.expect("create v1/a")
	move("v2")
	move("")
	got = append(got, a.expect("delete v1/a", "create v2/a", "delete v2/a", "create /a")...)
	for i, want := range []string{"v1", "v1", "v2", "v2", ""} {
		if zone := got[i].Service.Nodes[0].Zone; zone != "of "+want {
			t.Errorf("%s: zone %q", short(got[i]), zone)
		}
	}
	if got[1].Revision != got[2].Revision {
		t.Errorf("one change has the revisions %d and %d", got[1].Revision, got[2].Revision)
	}
}

func watchReportsTakeover(t *testing.T, tp redistest.Topology) {
	older, newer := open(t, tp), open(t, tp)
	a := watch(t, open(t, tp), registry.WatchService("shop"))
	register(t, older, service("shop", node("a")))
	a.expect("create /a")
	n := node("a")
	n.Address = "10.0.0.2:80"
	register(t, newer, service("shop", n))
	if got := a.expect("update /a")[0].Service.Nodes[0].Address; got != n.Address {
		t.Errorf("address %s, want %s", got, n.Address)
	}
	register(t, open(t, tp), service("shop", n)) // the same node under a newer lease
	deregister(t, older, service("shop"))        // which has nothing left to say
	register(t, older, service("shop", node("end")))
	a.expect("create /end")
}

func watchByMany(t *testing.T, tp redistest.Topology) {
	const watchers = 20
	r, reader := open(t, tp), open(t, tp)
	register(t, r, service("shop", node("a")))
	var recorders []*recorder
	for range watchers {
		recorders = append(recorders, watch(t, reader, registry.WatchService("shop")))
	}
	recorders[0].watcher.Stop()
	register(t, r, service("shop", node("b")))
	deregister(t, r, service("shop", node("a")))
	for _, a := range recorders[1:] {
		a.expect("create /a", "create /b", "delete /a")
	}
	watch(t, reader, registry.WatchService("shop")).expect("create /b")
}

func watchOddNames(t *testing.T, tp redistest.Topology) {
	const odd = "ö{x} /*?[a]%25:"
	r := open(t, tp)
	a := watch(t, open(t, tp), registry.WatchService("s"+odd), registry.WatchNamespace("n"+odd))
	s := &registry.Service{Name: "s" + odd, Version: "v" + odd, Namespace: "n" + odd, Nodes: []*registry.Node{
		{ID: "i" + odd, Address: "10.0.0.1:80", Zone: odd, Metadata: map[string]string{odd: odd}},
	}}
	register(t, r, s)
	got := a.expect("create v" + odd + "/i" + odd)[0].Service
	if d := cmp.Diff(get(t, r, s.Name, registry.GetNamespace(s.Namespace))[0], got); d != "" {
		t.Errorf("(-GetService +Watch):\n%s", d)
	}
	deregister(t, r, s)
	a.expect("delete v" + odd + "/i" + odd)
}

func watchInvalid(t *testing.T, tp redistest.Topology) {
	r := open(t, tp)
	for _, opts := range [][]registry.WatchOption{
		{registry.WatchService(strings.Repeat("x", 256))},
		{registry.WatchService("a\x00b")},
		{registry.WatchService("\xff")},
		{registry.WatchNamespace("a\nb")},
		{registry.WatchNamespace("\xff"), registry.WatchService("shop")},
		{registry.WatchNamespace("*"), registry.WatchService("a\x00b")},
	} {
		w, err := r.Watch(t.Context(), opts...)
		if wantErr(t, err, registry.ErrInvalid); w != nil {
			t.Error("a watcher and an error")
		}
	}
}

// A caller that changes a result changes nothing for other watchers.
func watchResultsAreOwn(t *testing.T, tp redistest.Topology) {
	r, reader := open(t, tp), open(t, tp)
	shop := full()
	shop.Namespace = ""
	register(t, r, shop)
	want := get(t, r, "shop")[0]
	want.APIs = nil
	for range 2 {
		a := watch(t, reader, registry.WatchService("shop"))
		eventually(t, patience, func() error {
			if len(a.present()) < len(shop.Nodes) {
				return errors.New("not all have come")
			}
			return nil
		})
		for _, n := range want.Nodes {
			a.mu.Lock()
			got := a.nodes[fmt.Sprintf("%s/%s/%s/%s", want.Namespace, want.Name, want.Version, n.ID)].Service
			a.mu.Unlock()
			one := *want
			one.Nodes = []*registry.Node{n}
			if d := cmp.Diff(&one, got); d != "" {
				t.Errorf("(-GetService +Watch):\n%s", d)
			}
			for _, m := range []map[string]string{got.Metadata, got.Nodes[0].Metadata} {
				for k := range m {
					m[k] = "mine"
				}
			}
			for _, e := range got.Endpoints {
				for k := range e.Metadata {
					e.Metadata[k] = "mine"
				}
			}
		}
	}
}
