package registry_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

var deregistering = []testCase{
	{"Deregister of one service leaves the others alive", deregisterService},
	{"Deregister of one version", deregisterVersion},
	{"Deregister of named nodes", deregisterNodes},
	{"Deregister of what is not known does nothing", deregisterUnknown},
	{"the nodes of others are never touched", deregisterForeign},
	{"a node that is gone already", deregisterGone},
	{"registered, deregistered, registered", deregisterAndBack},
}

var closing = []testCase{
	{"Close deregisters everything", closeDeregisters},
	{"everything after Close is refused", usedAfterClose},
	{"Close without a call", closeUnused},
}

func deregisterService(t *testing.T, tp redistest.Topology) {
	r, s := open(t, tp), newStates()
	for _, name := range []string{"shop", "desk", "till"} {
		register(t, r, service(name, node("a"), node("b")), s.option())
		s.next(t, registry.Live)
	}
	register(t, r, versioned("eu", "shop", "", "a"))
	deregister(t, r, service("shop"))
	s.next(t, registry.Left)
	wantIDs(t, r, "shop")
	wantList(t, r, "*", "default/desk/", "default/till/", "eu/shop/")
	for _, name := range []string{"desk", "till"} {
		wantIDs(t, r, name, "/a", "/b")
		b := behind(t, tp, name)
		b.extended("a", b.end("a"))
	}
}

func deregisterVersion(t *testing.T, tp redistest.Topology) {
	r := open(t, tp, renewRarely)
	register(t, r, versioned("", "shop", "1", "a"))
	register(t, r, versioned("", "shop", "2", "b"))
	register(t, r, versioned("", "shop", "", "c"))
	deregister(t, r, &registry.Service{Name: "shop", Version: "1"})
	wantIDs(t, r, "shop", "/c", "2/b")
	deregister(t, r, &registry.Service{Name: "shop", Version: "3"})
	wantIDs(t, r, "shop", "/c", "2/b")
	deregister(t, r, &registry.Service{Name: "shop"})
	wantIDs(t, r, "shop")
}

func deregisterNodes(t *testing.T, tp redistest.Topology) {
	r, b := open(t, tp), behind(t, tp, "shop")
	register(t, r, service("shop", node("a"), node("b"), node("c"), node("d")))
	deregister(t, r, service("shop", &registry.Node{ID: "a"}, &registry.Node{ID: "c"}, &registry.Node{ID: "nobody"}))
	wantIDs(t, r, "shop", "/b", "/d")
	deregister(t, r, service("shop", &registry.Node{ID: "nobody"}))
	wantIDs(t, r, "shop", "/b", "/d")
	b.extended("b", b.end("b"))
	b.extended("d", b.end("d"))
}

func deregisterUnknown(t *testing.T, tp redistest.Topology) {
	r, b := open(t, tp, renewRarely), behind(t, tp, "shop")
	deregister(t, r, service("shop", node("a")))
	deregister(t, r, service("shop"))
	if found := keysUnder(t, b.client); len(found) > 0 {
		t.Errorf("Deregister before Register wrote %v", found)
	}
	register(t, r, service("shop", node("a"))) // and does not block one
	deregister(t, r, service("desk"))
	deregister(t, r, service("shop"), registry.DeregisterNamespace("eu"))
	wantIDs(t, r, "shop", "/a")
	wantErr(t, r.Deregister(t.Context(), nil), registry.ErrInvalid)
	wantErr(t, r.Deregister(t.Context(), service("")), registry.ErrInvalid)
	wantErr(t, r.Deregister(t.Context(), service("shop", nil)), registry.ErrInvalid)
	wantErr(t, r.Deregister(t.Context(), service("shop"), registry.DeregisterNamespace("*")), registry.ErrInvalid)
	wantIDs(t, r, "shop", "/a")
}

func deregisterForeign(t *testing.T, tp redistest.Topology) {
	owner, other, b := open(t, tp), open(t, tp), behind(t, tp, "shop")
	register(t, owner, service("shop", node("a"), node("b")))
	register(t, other, service("shop", node("c")))
	deregister(t, other, service("shop", node("a")))
	wantIDs(t, owner, "shop", "/a", "/b", "/c")
	deregister(t, other, service("shop"))
	wantIDs(t, owner, "shop", "/a", "/b")
	b.extended("a", b.end("a"))
}

func deregisterGone(t *testing.T, tp redistest.Topology) {
	r, b := open(t, tp, renewRarely), behind(t, tp, "shop")
	register(t, r, service("shop", node("a")), registry.RegisterManual())
	for _, key := range keysUnder(t, b.client) {
		if err := b.client.Del(t.Context(), key).Err(); err != nil {
			t.Fatal(err)
		}
	}
	deregister(t, r, service("shop"))
	deregister(t, r, service("shop"))
	wantIDs(t, r, "shop")
	if rev := b.rev(); rev != 0 {
		t.Errorf("it was not there, but revision %d is a change", rev)
	}
}

func deregisterAndBack(t *testing.T, tp redistest.Topology) {
	r, b, s := open(t, tp), behind(t, tp, "shop"), newStates()
	seen := map[string]bool{}
	for range 3 {
		register(t, r, service("shop", node("a")), s.option())
		s.next(t, registry.Live)
		lease := b.holder("a").Lease
		if seen[lease] {
			t.Errorf("the lease %s is used again after its deregistration", lease)
		}
		seen[lease] = true
		b.extended("a", b.end("a"))
		deregister(t, r, service("shop"))
		s.next(t, registry.Left)
		wantIDs(t, r, "shop")
		if gone := b.holder("a").Gone; gone != "self" {
			t.Errorf("the tombstone has %q", gone)
		}
	}
}

func closeDeregisters(t *testing.T, tp redistest.Topology) {
	r, reader, s := open(t, tp), open(t, tp), newStates()
	register(t, r, versioned("", "shop", "1", "a"), s.option())
	s.next(t, registry.Live)
	register(t, r, versioned("", "shop", "2", "b"), registry.RegisterManual())
	register(t, r, versioned("eu", "desk", "", "c"), registry.RegisterCheck(func(context.Context) error { return nil }))
	register(t, reader, versioned("", "shop", "1", "stays"))
	if err := r.Close(t.Context()); err != nil {
		t.Errorf("Close: %v", err)
	}
	s.next(t, registry.Left) // reported before Close returned, or it would leak
	wantList(t, reader, "*", "default/shop/1")
	wantIDs(t, reader, "shop", "1/stays")
	for range 2 {
		if err := r.Close(t.Context()); err != nil {
			t.Errorf("Close again: %v", err)
		}
	}
}

func usedAfterClose(t *testing.T, tp redistest.Topology) {
	used, unused := open(t, tp, renewRarely), open(t, tp, renewRarely)
	register(t, used, service("shop", node("a")))
	for _, r := range []*registry.Redis{used, unused} {
		if err := r.Close(t.Context()); err != nil {
			t.Errorf("Close: %v", err)
		}
		_, getErr := r.GetService(t.Context(), "shop")
		_, listErr := r.ListServices(t.Context())
		for _, err := range []error{
			r.Init(), r.Register(t.Context(), service("shop", node("a"))), r.Deregister(t.Context(), service("shop")), getErr, listErr,
		} {
			wantErr(t, err, registry.ErrClosed)
		}
		if d := cmp.Diff(prefix(t), r.Options().Prefix); d != "" || r.String() == "" {
			t.Errorf("options after Close: prefix (-want +got):\n%s", d)
		}
	}
	if found := ids(t, open(t, tp, renewRarely), "shop"); found != nil {
		t.Errorf("found %v", found)
	}
}

func closeUnused(t *testing.T, tp redistest.Topology) {
	r := open(t, tp, renewRarely)
	for range 2 {
		if err := r.Close(t.Context()); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
}
