package registry_test

import (
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// A view reports the nodes whose lease ran out, and not the nodes that deregistered or came
// back.
func TestFollowReportsLapses(t *testing.T) {
	t.Parallel()
	const ttl = 2 * time.Second
	server := redistest.Start(t)
	proxy := redistest.StartProxy(t, server.Addr())
	client, living := open(t, at(server)), open(t, at(server))
	crashing := open(t, at(proxy), registry.TTL(ttl), registry.Interval(ttl/4))
	register(t, living, service("shop", node("a"), node("b")))
	s := service("shop", node("c"))
	s.Version = "2"
	register(t, crashing, s)
	f := follow(t, client, "shop")
	untilView(t, f, func(v *registry.View) bool { return shown(v) == "/a /b 2/c " })
	deregister(t, living, service("shop", node("b")))

	proxy.Cut()
	began := time.Now()
	v := untilView(t, f, func(v *registry.View) bool { return shown(v) == "/a " })
	if len(v.Lapsed) != 1 {
		t.Fatalf("%d nodes ran out, want 1", len(v.Lapsed))
	}
	lapse := v.Lapsed[0]
	if lapse.Service.Version != "2" || lapse.Service.TTL != ttl || len(lapse.Service.Nodes) != 1 || lapse.Service.Nodes[0].ID != "c" {
		t.Errorf("it was %+v", lapse.Service)
	}
	if lapse.Time.Before(began) || lapse.Time.After(time.Now()) {
		t.Errorf("found at %v, between %v and now", lapse.Time, began)
	}

	proxy.Heal()
	v = untilView(t, f, func(v *registry.View) bool { return shown(v) == "/a 2/c " })
	if len(v.Lapsed) != 0 {
		t.Errorf("it is back, and still among those that ran out")
	}
}
