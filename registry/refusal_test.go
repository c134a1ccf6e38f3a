package registry_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// Redis serves reads and refuses writes for three TTLs: no live node is lost,
// and the view says since when and why leases are not renewed. A process that dies
// meanwhile is gone a TTL after its last message.
func TestNodesLiveWhileRedisRefusesToRenew(t *testing.T) {
	t.Parallel()
	const ttl = 2 * time.Second
	server := redistest.Start(t)
	log := &logBuffer{}
	var names string
	for i := range 10 {
		r := open(t, at(server), registry.TTL(ttl), registry.Interval(ttl/3), logInto(log))
		id := fmt.Sprint(i)
		register(t, r, service("shop", node(id)))
		names += "/" + id + " "
	}
	proxy := redistest.StartProxy(t, server.Addr())
	mortal := open(t, at(proxy), registry.TTL(ttl), registry.Interval(ttl/3))
	register(t, mortal, service("shop", node("mortal")))

	client := open(t, at(server))
	w, err := client.Watch(t.Context(), registry.WatchService("shop"))
	if err != nil {
		t.Fatal(err)
	}
	gone := make(chan string, 100)
	go func() {
		for {
			res, err := w.Next()
			if err != nil {
				close(gone)
				return
			}
			if res.Action == registry.Delete {
				gone <- res.Service.Nodes[0].ID
			}
		}
	}()
	f := follow(t, client, "shop")
	untilView(t, f, func(v *registry.View) bool { return shown(v) == names+"/mortal " })

	began := time.Now()
	server.SetConfig("min-replicas-to-write", "1")
	v := untilView(t, f, func(v *registry.View) bool { return len(v.Held) == 11 })
	if v.RefusedSince.Before(began.Add(-time.Second)) || v.RefusedSince.After(time.Now()) ||
		!errors.Is(v.Refused, registry.ErrUnavailable) || !strings.Contains(v.Refused.Error(), "min-replicas-to-write") {
		t.Errorf("refused since %v (%v after the beginning), %v", v.RefusedSince, v.RefusedSince.Sub(began), v.Refused)
	}
	proxy.Cut()
	cut := time.Now()
	v = untilView(t, f, func(v *registry.View) bool { return shown(v) == names })
	t.Logf("the dead node is gone after %v, with a TTL of %v", time.Since(cut), ttl)
	if len(v.Lapsed) != 1 {
		t.Errorf("%d nodes ran out, want 1", len(v.Lapsed))
	}
	<-time.After(time.Until(began.Add(3 * ttl)))
	server.SetConfig("min-replicas-to-write", "0")
	ended := time.Now()
	v = untilView(t, f, func(v *registry.View) bool { return v.RefusedSince.IsZero() })
	t.Logf("leases are renewed again after %v", time.Since(ended))
	if shown(v) != names || len(v.Held) > 0 || v.Refused != nil {
		t.Errorf("after the refusal: %s, held %v, refused %v", shown(v), v.Held, v.Refused)
	}
	proxy.Heal()
	untilView(t, f, func(v *registry.View) bool { return shown(v) == names+"/mortal " })
	w.Stop()
	var lost []string
	for id := range gone {
		lost = append(lost, id)
	}
	if len(lost) != 1 || lost[0] != "mortal" {
		t.Errorf("the watcher lost %v, want the one that died", lost)
	}
	for _, line := range []string{"refuses to renew leases", "renews leases again"} {
		if got := strings.Count(log.String(), line); got != 10 {
			t.Errorf("%d registries log %d times that redis %s:\n%s", 10, got, line, log.tail(30))
		}
	}
}
