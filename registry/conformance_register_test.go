package registry_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-go/rollcall/internal/record"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

var registering = []testCase{
	{"changed data is seen at once, under the same lease", changedData},
	{"unchanged data refreshes the lease and emits nothing", unchangedData},
	{"every change is published once", everyChangePublished},
	{"fewer nodes remove none", fewerNodes},
	{"a node moves to another version", nodeMoves},
	{"an empty ID means the address", emptyID},
	{"the nearest TTL wins", nearestTTL},
	{"hundreds of nodes in one call", hundredsOfNodes},
	{"a call that was cancelled says so", cancelledCall},
	{"many goroutines", manyGoroutines},
}

func changedData(t *testing.T, tp redistest.Topology) {
	r, b := open(t, tp), behind(t, tp, "shop")
	s := full()
	s.Namespace = ""
	register(t, r, s)
	lease := b.holder("a").Lease
	for change, apply := range map[string]func(){
		"address":          func() { s.Nodes[0].Address = "10.9.9.9:99" },
		"weight":           func() { s.Nodes[0].Weight = 1 },
		"zone":             func() { s.Nodes[0].Zone = "us-1" },
		"status":           func() { s.Nodes[0].Status = registry.Draining },
		"node metadata":    func() { s.Nodes[0].Metadata = map[string]string{"rack": "13"} },
		"service metadata": func() { s.Metadata = nil },
		"endpoints":        func() { s.Endpoints = s.Endpoints[1:] },
		"TTL":              func() { s.TTL = 20 * time.Second },
		"document":         func() { s.APIs = json.RawMessage(`{"openapi":"3.1.1"}`) },
		"no document":      func() { s.APIs = nil },
	} {
		apply()
		register(t, r, s)
		want := *s
		want.Namespace = "default"
		if d := cmp.Diff([]*registry.Service{&want}, get(t, r, "shop")); d != "" {
			t.Errorf("changed %s (-registered +found):\n%s", change, d)
		}
	}
	if now := b.holder("a").Lease; now != lease {
		t.Errorf("the lease was %s and is %s", lease, now)
	}
	b.extended("a", b.end("a")) // still renewed
}

func unchangedData(t *testing.T, tp redistest.Topology) {
	r, b := open(t, tp, renewRarely), behind(t, tp, "shop")
	register(t, r, service("shop", node("a"), node("b")), registry.RegisterManual())
	rev, lease, before := b.rev(), b.holder("a").Lease, b.end("a")
	eventually(t, patience, func() error {
		register(t, r, service("shop", node("b"), node("a")), registry.RegisterManual())
		if b.end("a") <= before {
			return errors.New("the lease is not refreshed")
		}
		return nil
	})
	if now := b.rev(); now != rev || rev != 2 {
		t.Errorf("revision %d, then %d, want 2", rev, now)
	}
	if now := b.holder("a").Lease; now != lease {
		t.Errorf("the lease was %s and is %s", lease, now)
	}
}

func everyChangePublished(t *testing.T, tp redistest.Topology) {
	r, b := open(t, tp, renewRarely), behind(t, tp, "shop")
	sub := b.client.Subscribe(t.Context(), b.keys.Events(0))
	defer sub.Close()
	if _, err := sub.Receive(t.Context()); err != nil {
		t.Fatal(err)
	}
	events := sub.Channel()
	n := node("a")
	for _, weight := range []int{1, 1, 2, 2, 2} {
		n.Weight = weight
		register(t, r, service("shop", n))
	}
	deregister(t, r, service("shop"))
	deregister(t, r, service("shop"))
	register(t, r, service("shop", node("end")))

	var got []string
	tag := ""
	for !slices.Contains(got, "put end 0") {
		select {
		case m := <-events:
			e, err := record.DecodeEvent([]byte(m.Payload))
			if err != nil {
				t.Fatal(err)
			}
			if e.Prev != tag || e.Rev != uint64(len(got)+1) {
				t.Errorf("event %d has revision %d and follows %q, want %q", len(got)+1, e.Rev, e.Prev, tag)
			}
			tag = e.Tag
			n, _ := record.DecodeNode(e.Payload) // a del has none
			got = append(got, fmt.Sprintf("%s %s %d", e.Kind, e.ID, n.Weight))
		case <-time.After(patience):
			t.Fatalf("after %v: no event", got)
		}
	}
	if d := cmp.Diff([]string{"put a 1", "put a 2", "del a 0", "put end 0"}, got); d != "" {
		t.Errorf("events (-want +got):\n%s", d)
	}
}

func fewerNodes(t *testing.T, tp redistest.Topology) {
	r, b := open(t, tp), behind(t, tp, "shop")
	register(t, r, service("shop", node("a"), node("b"), node("c")))
	register(t, r, service("shop", node("b")))
	wantIDs(t, r, "shop", "/a", "/b", "/c")
	for _, id := range []string{"a", "b", "c"} {
		b.extended(id, b.end(id))
	}
}

func nodeMoves(t *testing.T, tp redistest.Topology) {
	r, b := open(t, tp), behind(t, tp, "shop")
	register(t, r, &registry.Service{Name: "shop", Version: "1", Nodes: []*registry.Node{node("a"), node("b")}})
	register(t, r, versioned("", "shop", "2", "a"))
	wantIDs(t, r, "shop", "1/b", "2/a")
	wantList(t, r, "", "default/shop/1", "default/shop/2")
	b.extended("a", b.end("a"))

	deregister(t, r, &registry.Service{Name: "shop", Version: "1"}) // of which a is no more
	wantIDs(t, r, "shop", "2/a")
}

func emptyID(t *testing.T, tp redistest.Topology) {
	r := open(t, tp, renewRarely)
	register(t, r, service("shop", &registry.Node{Address: "10.0.0.1:80"}, &registry.Node{Address: "[::1]:80"}))
	wantIDs(t, r, "shop", "/10.0.0.1:80", "/[::1]:80")
	register(t, r, service("shop", &registry.Node{ID: "10.0.0.1:80", Address: "10.0.0.2:80"}))
	wantIDs(t, r, "shop", "/10.0.0.1:80", "/[::1]:80")
	deregister(t, r, service("shop", &registry.Node{Address: "[::1]:80"}))
	wantIDs(t, r, "shop", "/10.0.0.1:80")
}

func nearestTTL(t *testing.T, tp redistest.Topology) {
	r := open(t, tp, renewRarely, registry.TTL(40*time.Second))
	for _, c := range []struct{ service, call, want time.Duration }{
		{0, 0, 40 * time.Second},
		{30 * time.Second, 0, 30 * time.Second},
		{30 * time.Second, 20 * time.Second, 20 * time.Second},
		{0, 50*time.Second + 999*time.Microsecond, 50 * time.Second}, // whole milliseconds
	} {
		name := fmt.Sprintf("%v over %v", c.call, c.service)
		s := service(name, node("a"))
		s.TTL = c.service
		register(t, r, s, registry.RegisterTTL(c.call))
		if got := get(t, r, name)[0].TTL; got != c.want {
			t.Errorf("%s: TTL %v, want %v", name, got, c.want)
		}
		b := behind(t, tp, name)
		left, err := b.client.PTTL(t.Context(), b.keys.Node("a")).Result()
		if err != nil || left > c.want || left < c.want-9*time.Second {
			t.Errorf("%s: %v left, error %v, want up to %v", name, left, err, c.want)
		}
	}
}

func hundredsOfNodes(t *testing.T, tp redistest.Topology) {
	const count = 250
	rounds := make(chan registry.RenewEvent, 1000)
	r := open(t, tp, registry.Observe(func(e registry.Event) {
		if e, ok := e.(registry.RenewEvent); ok {
			rounds <- e
		}
	}))
	s := service("shop")
	var want []string
	for i := range count {
		id := fmt.Sprintf("n%03d", i)
		s.Nodes, want = append(s.Nodes, node(id)), append(want, "/"+id)
	}
	register(t, r, s)
	wantIDs(t, r, "shop", want...)
	for {
		select {
		case e := <-rounds:
			if e.Err != nil {
				continue // slow machine: the round is tried again
			}
			if e.Nodes != count || e.Calls != 3 {
				t.Errorf("renewed %d nodes in %d calls, want %d in 3", e.Nodes, e.Calls, count)
			}
			deregister(t, r, service("shop"))
			wantIDs(t, r, "shop")
			return
		case <-time.After(patience):
			t.Fatal("not renewed")
		}
	}
}

func cancelledCall(t *testing.T, tp redistest.Topology) {
	r := open(t, tp, renewRarely)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := service("shop", node("a"))
	_, getErr := r.GetService(ctx, "shop")
	_, listErr := r.ListServices(ctx)
	for op, err := range map[string]error{
		"register": r.Register(ctx, s), "register retry": r.Register(ctx, s, registry.RegisterRetry()), "get": getErr, "list": listErr,
	} {
		var about *registry.OpError
		if !errors.Is(err, context.Canceled) || !errors.As(err, &about) {
			t.Errorf("%s: %v, want an OpError that is context.Canceled", op, err)
		}
	}
	wantIDs(t, r, "shop")
}

// Every method at once, for the race detector; what is left must be right.
func manyGoroutines(t *testing.T, tp redistest.Topology) {
	r := open(t, tp, renewRarely)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			own := fmt.Sprintf("own%d", g)
			for i := range 5 {
				n := node(fmt.Sprintf("n%d", g))
				n.Weight = i + 1
				for _, err := range []error{
					r.Register(t.Context(), service("shop", n), registry.OnState(func(registry.State, error) {})),
					r.Register(t.Context(), service(own, n)),
					r.Deregister(t.Context(), service(own)),
				} {
					if err != nil {
						t.Error(err)
					}
				}
				if _, err := r.GetService(t.Context(), "shop"); err != nil {
					t.Error(err)
				}
				if _, err := r.ListServices(t.Context(), registry.ListNamespace("*")); err != nil {
					t.Error(err)
				}
				_, _ = r.Options(), r.String()
			}
		})
	}
	wg.Wait()
	wantList(t, r, "*", "default/shop/")
	for _, n := range get(t, r, "shop")[0].Nodes {
		if n.Weight != 5 {
			t.Errorf("%s has weight %d, want the last, 5", n.ID, n.Weight)
		}
	}
}
