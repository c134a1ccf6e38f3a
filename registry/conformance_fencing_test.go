package registry_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

var fencing = []testCase{
	{"a renewal after a takeover changes nothing", lateRenewal},
	{"a Deregister after a takeover changes nothing", lateDeregister},
	{"a Register after a takeover is superseded until Deregister", lateRegister},
	{"a takeover is only of its node", takeoverOfOne},
}

var exclusives = []testCase{
	{"exclusive is refused while another lives", exclusiveRefused},
	{"exclusive is free after Deregister and after a crash", exclusiveFree},
	{"exclusive does not block itself", exclusiveAgain},
}

// nodeAt is a node whose address shows which of two owners of one ID has it.
func nodeAt(id, address string) *registry.Node { return &registry.Node{ID: id, Address: address} }

const (
	oldAddress = "10.0.0.1:80"
	newAddress = "10.0.0.2:80"
)

// wantAddress checks who has the one node of shop.
func wantAddress(t *testing.T, r *registry.Redis, want string) {
	t.Helper()
	if s := get(t, r, "shop"); len(s) != 1 || len(s[0].Nodes) != 1 || s[0].Nodes[0].Address != want {
		t.Errorf("found %v, want only %s", s[0].Nodes, want)
	}
}

func lateRenewal(t *testing.T, tp redistest.Topology) {
	old, young, b, s := open(t, tp), open(t, tp), behind(t, tp, "shop"), newStates()
	register(t, old, service("shop", nodeAt("a", oldAddress)), s.option())
	s.next(t, registry.Live)
	register(t, young, service("shop", nodeAt("a", newAddress)), registry.RegisterManual())
	end := b.end("a")
	err := s.next(t, registry.Superseded)
	wantErr(t, err, registry.ErrSuperseded)
	var op *registry.OpError
	if errors.As(err, &op) && (op.Namespace != "default" || op.Service != "shop" || op.Node != "a") {
		t.Errorf("the cause does not name the node: %+v", op)
	}
	if want := "held by " + newAddress + ", since 20"; !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %q", err, want)
	}
	if now := b.end("a"); now != end {
		t.Errorf("the old process renewed the new one's lease: it ended at %.0f and ends at %.0f", end, now)
	}
	if rev := b.rev(); rev != 2 {
		t.Errorf("revision %d, want 2", rev)
	}
	wantAddress(t, old, newAddress)
	s.none(t) // it does not fight
}

func lateDeregister(t *testing.T, tp redistest.Topology) {
	old, young, b := open(t, tp), open(t, tp), behind(t, tp, "shop")
	// Manual, so that it does not know yet.
	register(t, old, service("shop", nodeAt("a", oldAddress)), registry.RegisterManual())
	register(t, young, service("shop", nodeAt("a", newAddress)))
	rev := b.rev()
	deregister(t, old, service("shop", nodeAt("a", oldAddress)))
	deregister(t, old, service("shop"))
	if err := old.Close(t.Context()); err != nil {
		t.Error(err)
	}
	wantAddress(t, young, newAddress)
	if now := b.rev(); now != rev {
		t.Errorf("revision %d, then %d", rev, now)
	}
	b.extended("a", b.end("a"))
}

func lateRegister(t *testing.T, tp redistest.Topology) {
	old, young, s, s2 := open(t, tp), open(t, tp), newStates(), newStates()
	mine := service("shop", nodeAt("a", oldAddress))
	register(t, old, mine, registry.RegisterManual(), s.option())
	s.next(t, registry.Live)
	register(t, young, service("shop", nodeAt("a", newAddress)), s2.option())
	s2.next(t, registry.Live)

	for range 2 { // first Redis says so, then the registry knows
		for _, also := range [][]registry.RegisterOption{nil, {registry.RegisterRetry()}, {registry.RegisterExclusive()}} {
			wantErr(t, old.Register(t.Context(), mine, append(also, s.option())...), registry.ErrSuperseded)
		}
	}
	if err := s.next(t, registry.Superseded); !errors.Is(err, registry.ErrSuperseded) {
		t.Errorf("superseded because of %v", err)
	}
	wantAddress(t, old, newAddress)

	deregister(t, old, mine)
	s.next(t, registry.Left)
	wantAddress(t, old, newAddress)
	register(t, old, mine)
	s2.next(t, registry.Superseded)
	wantAddress(t, young, oldAddress)
}

func takeoverOfOne(t *testing.T, tp redistest.Topology) {
	old, young, b, s := open(t, tp), open(t, tp), behind(t, tp, "shop"), newStates()
	register(t, old, service("shop", node("a"), node("b")), s.option())
	s.next(t, registry.Live)
	register(t, young, service("shop", node("a")))
	s.next(t, registry.Superseded)
	b.extended("b", b.end("b")) // by the old one
	register(t, old, service("shop", node("b"), node("c")))
	wantErr(t, old.Register(t.Context(), service("shop", node("a"), node("d"))), registry.ErrSuperseded)
	wantIDs(t, old, "shop", "/a", "/b", "/c")
	if err := old.Close(t.Context()); err != nil {
		t.Error(err)
	}
	wantIDs(t, young, "shop", "/a")
}

func exclusiveRefused(t *testing.T, tp redistest.Topology) {
	holder, second, b, s := open(t, tp), open(t, tp), behind(t, tp, "shop"), newStates()
	register(t, holder, service("shop", nodeAt("a", oldAddress)))
	rev := b.rev()
	for _, also := range [][]registry.RegisterOption{nil, {registry.RegisterRetry()}, {registry.RegisterManual()}} {
		err := second.Register(t.Context(), service("shop", nodeAt("free", newAddress), nodeAt("a", newAddress)),
			append(also, registry.RegisterExclusive(), s.option())...)
		wantErr(t, err, registry.ErrConflict)
		var op *registry.OpError
		if errors.As(err, &op) && op.Node != "a" {
			t.Errorf("the error is about %q, want a", op.Node)
		}
	}
	wantAddress(t, second, oldAddress) // and free is not there
	deregister(t, second, service("shop"))
	if err := second.Close(t.Context()); err != nil {
		t.Error(err)
	}
	wantAddress(t, holder, oldAddress)
	if now := b.rev(); now != rev {
		t.Errorf("revision %d, then %d", rev, now)
	}
	b.extended("a", b.end("a"))
	s.none(t)
}

func exclusiveFree(t *testing.T, tp redistest.Topology) {
	holder, second := open(t, tp, renewRarely), open(t, tp, renewRarely)
	register(t, holder, service("shop", nodeAt("a", oldAddress)))
	deregister(t, holder, service("shop"))
	register(t, second, service("shop", nodeAt("a", newAddress)), registry.RegisterExclusive())
	wantAddress(t, second, newAddress)

	register(t, holder, service("desk", node("a")), registry.RegisterManual(), registry.RegisterTTL(time.Second))
	eventually(t, patience, func() error {
		return second.Register(t.Context(), service("desk", node("a")), registry.RegisterExclusive())
	})
	wantErr(t, holder.Register(t.Context(), service("desk", node("a")), registry.RegisterExclusive()), registry.ErrSuperseded)
}

func exclusiveAgain(t *testing.T, tp redistest.Topology) {
	r, b := open(t, tp), behind(t, tp, "shop")
	s := service("shop", nodeAt("a", oldAddress))
	register(t, r, s, registry.RegisterExclusive())
	register(t, r, s, registry.RegisterExclusive())
	s.Nodes[0].Address = newAddress
	register(t, r, s, registry.RegisterExclusive())
	wantAddress(t, r, newAddress)
	if rev := b.rev(); rev != 2 {
		t.Errorf("revision %d, want 2", rev)
	}
	b.extended("a", b.end("a"))
}
