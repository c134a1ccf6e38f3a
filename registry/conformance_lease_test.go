package registry_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

var leases = []testCase{
	{"a lease is renewed until Deregister", leaseRenewed},
	{"a manual node is renewed by Register alone", manualRenewed},
	{"a manual node runs out", manualRunsOut},
	{"manual and kept, in turn", manualInTurn},
	{"what Redis lost is registered again", lostComesBack},
}

var checks = []testCase{
	{"a failing check withholds renewal", checkWithholds},
	{"a check that fails at Register fails it", checkFailsRegister},
	{"with RegisterRetry it goes on", checkRetried},
	{"a check that hangs delays no other node", checkHangs},
}

func leaseRenewed(t *testing.T, tp redistest.Topology) {
	r, b, s := open(t, tp), behind(t, tp, "shop"), newStates()
	register(t, r, service("shop", node("a")), s.option())
	s.next(t, registry.Live)
	for range 3 {
		b.extended("a", b.end("a"))
	}
	left, err := b.client.PTTL(t.Context(), b.keys.Node("a")).Result()
	if err != nil || left <= 0 || left > 10*time.Second {
		t.Errorf("the node's hash ends in %v, error %v", left, err)
	}
	if rev := b.rev(); rev != 1 {
		t.Errorf("renewal made changes: revision %d", rev)
	}
	deregister(t, r, service("shop"))
	if err := s.next(t, registry.Left); err != nil {
		t.Errorf("Left because of %v", err)
	}
	s.none(t)
}

// The lease ends at a time by Redis's clock, which only moves when a test
// renews.
func manualRenewed(t *testing.T, tp redistest.Topology) {
	r, b, s := open(t, tp), behind(t, tp, "shop"), newStates()
	register(t, r, service("shop", node("kept"), node("probe")))
	register(t, r, service("shop", node("a")), registry.RegisterManual(), s.option())
	s.next(t, registry.Live)
	end := b.end("a")
	for range 3 {
		b.extended("kept", b.end("kept"))
	}
	if now := b.end("a"); now != end {
		t.Errorf("the registry renewed a manual node: its lease ended at %.0f and ends at %.0f", end, now)
	}
	register(t, r, service("shop", node("a")), registry.RegisterManual())
	if now := b.end("a"); now <= end {
		t.Errorf("Register did not renew: the lease ends at %.0f as before (%.0f)", now, end)
	}
	s.none(t)
}

func manualRunsOut(t *testing.T, tp redistest.Topology) {
	r, b := open(t, tp), behind(t, tp, "shop")
	register(t, r, service("shop", node("a")), registry.RegisterManual(), registry.RegisterTTL(time.Second))
	eventually(t, patience, func() error { return sameIDs(t, r, "shop") })
	if lease := b.holder("a").Lease; lease != "" {
		t.Errorf("the node ran out and has the lease %s", lease)
	}
	register(t, r, service("shop", node("a")), registry.RegisterManual()) // late, but it is the holder's
	wantIDs(t, r, "shop", "/a")
}

func manualInTurn(t *testing.T, tp redistest.Topology) {
	r, b := open(t, tp), behind(t, tp, "shop")
	a := service("shop", node("a"))
	register(t, r, service("shop", node("probe")))
	register(t, r, a, registry.RegisterManual())
	register(t, r, a)
	for range 2 {
		b.extended("a", b.end("a"))
	}
	register(t, r, a, registry.RegisterManual())
	end := b.end("a")
	for range 3 {
		b.extended("probe", b.end("probe"))
	}
	if now := b.end("a"); now != end {
		t.Errorf("manual again, but renewed: its lease ended at %.0f and ends at %.0f", end, now)
	}
}

func lostComesBack(t *testing.T, tp redistest.Topology) {
	r, b, s := open(t, tp), behind(t, tp, "shop"), newStates()
	shop := full()
	shop.Namespace, shop.TTL = "", time.Minute
	register(t, r, shop, s.option())
	s.next(t, registry.Live)
	for what, lost := range map[string][]string{
		"hash":       {b.keys.Node("a")},
		"index":      {b.keys.Index()},
		"version":    {b.keys.Node("a"), b.keys.Version(), b.keys.Log()},
		"everything": keysUnder(t, b.client),
	} {
		lease := b.holder("a").Lease
		for _, key := range lost {
			if err := b.client.Del(t.Context(), key).Err(); err != nil {
				t.Fatal(err)
			}
		}
		eventually(t, patience, func() error {
			if found := ids(t, r, "shop"); len(found) != 3 || b.end("a") == 0 {
				return fmt.Errorf("found only %v after the loss of %s", found, what)
			}
			if listed := list(t, r, "*"); len(listed) != 1 {
				return fmt.Errorf("listed %v after the loss of %s", listed, what)
			}
			return nil
		})
		s.next(t, registry.Lost) // the caller is informed, and need not act
		s.next(t, registry.Live)
		if now := b.holder("a").Lease; now != lease {
			t.Errorf("loss of %s: the lease was %s and is %s", what, lease, now)
		}
	}
	if s := get(t, r, "shop")[0]; len(s.APIs) == 0 || s.Metadata["team"] != "cart" {
		t.Errorf("the service came back as %+v", s)
	}
}

// errSick is what the checks of these tests fail with.
var errSick = errors.New("sick")

// patientCheck gives a check the third of a second to return, so that a slow
// machine does not fail it.
var patientCheck = registry.RegisterInterval(time.Second)

func checkWithholds(t *testing.T, tp redistest.Topology) {
	r, s := open(t, tp), newStates()
	var sick atomic.Bool
	asked := make(chan struct{}, 10_000)
	register(t, r, service("shop", node("healthy")))
	register(t, r, service("shop", node("a"), node("b")), s.option(), patientCheck, registry.RegisterTTL(2*time.Second),
		registry.RegisterCheck(func(context.Context) error {
			asked <- struct{}{}
			if sick.Load() {
				return errSick
			}
			return nil
		}))
	s.next(t, registry.Live)
	sick.Store(true)
	if err := s.next(t, registry.Withheld); !errors.Is(err, errSick) {
		t.Errorf("withheld because of %v", err)
	}
	eventually(t, patience, func() error { return sameIDs(t, r, "shop", "/healthy") })
	for range len(asked) + 2 { // registering again is withheld too
		<-asked
	}
	wantIDs(t, r, "shop", "/healthy")
	s.none(t)

	sick.Store(false)
	s.next(t, registry.Live)
	eventually(t, patience, func() error { return sameIDs(t, r, "shop", "/a", "/b", "/healthy") })
}

func checkFailsRegister(t *testing.T, tp redistest.Topology) {
	r, b, s := open(t, tp), behind(t, tp, "shop"), newStates()
	err := r.Register(t.Context(), service("shop", node("a")), s.option(),
		registry.RegisterCheck(func(context.Context) error { return errSick }))
	wantErr(t, err, errSick)
	if found := keysUnder(t, b.client); len(found) > 0 {
		t.Errorf("left behind: %v", found)
	}
	register(t, r, service("shop", node("a"))) // nothing of the first blocks it
	s.none(t)
}

func checkRetried(t *testing.T, tp redistest.Topology) {
	r, s := open(t, tp), newStates()
	var well atomic.Bool
	register(t, r, service("shop", node("a")), registry.RegisterRetry(), s.option(), patientCheck,
		registry.RegisterCheck(func(context.Context) error {
			if well.Load() {
				return nil
			}
			return errSick
		}))
	if err := s.next(t, registry.Withheld); !errors.Is(err, errSick) {
		t.Errorf("withheld because of %v", err)
	}
	wantIDs(t, r, "shop")
	well.Store(true)
	s.next(t, registry.Live)
	wantIDs(t, r, "shop", "/a")
}

func checkHangs(t *testing.T, tp redistest.Topology) {
	r, b, desk, s := open(t, tp), behind(t, tp, "shop"), behind(t, tp, "desk"), newStates()
	release := make(chan struct{})
	letGo := sync.OnceFunc(func() { close(release) })
	defer letGo()
	var registered atomic.Bool
	register(t, r, service("shop", node("stuck")), s.option(), patientCheck, registry.RegisterTTL(2*time.Second),
		registry.RegisterCheck(func(context.Context) error {
			if registered.Swap(true) {
				<-release // whatever the context says
			}
			return nil
		}))
	register(t, r, service("shop", node("a")))
	register(t, r, service("desk", node("b")), registry.RegisterCheck(func(context.Context) error { return nil }))
	s.next(t, registry.Live)
	if err := s.next(t, registry.Withheld); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("withheld because of %v", err)
	}
	for range 3 {
		b.extended("a", b.end("a"))
		desk.extended("b", desk.end("b"))
	}
	register(t, r, service("shop", node("late")))
	eventually(t, patience, func() error { return sameIDs(t, r, "shop", "/a", "/late") })
	s.none(t)
	letGo()
	s.next(t, registry.Live)
	eventually(t, patience, func() error { return sameIDs(t, r, "shop", "/a", "/late", "/stuck") })
}
