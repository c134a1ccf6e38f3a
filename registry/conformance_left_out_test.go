package registry_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

func crashedGone(t *testing.T, tp redistest.Topology) {
	reader, b := open(t, tp, renewRarely), behind(t, tp, "shop")
	b.plant("crashed", time.Second, `{"v":1,"address":"10.0.0.9:80"}`)
	b.plant("kept", time.Minute, `{"v":1,"address":"10.0.0.9:80"}`)
	eventually(t, patience, func() error { return sameIDs(t, reader, "shop", "/kept") })
	if b.end("crashed") == 0 {
		t.Error("a reader removed the node from the index")
	}

	reaped := make(chan registry.ReapEvent, 10)
	registrar := open(t, tp, registry.Observe(func(e registry.Event) {
		if e, ok := e.(registry.ReapEvent); ok {
			reaped <- e
		}
	}))
	register(t, registrar, service("shop", node("a")), registry.RegisterTTL(2*time.Second))
	select {
	case got := <-reaped:
		want := registry.ReapEvent{Namespace: "default", Service: "shop", Nodes: []string{"crashed"}}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("event (-want +got):\n%s", d)
		}
	case <-time.After(patience):
		t.Fatal("not reaped")
	}
	if b.end("crashed") != 0 {
		t.Error("the index lists the node after the reap")
	}
	wantIDs(t, reader, "shop", "/a", "/kept")
}

func unreadableLeftOut(t *testing.T, tp redistest.Topology) {
	log := &logBuffer{}
	r := open(t, tp, renewRarely, logInto(log))
	b := behind(t, tp, "shop")
	for i, data := range []string{"garbage", `{"v":1}`, `{"v":"2","address":"10.0.0.9:80"}`} {
		b.plant(fmt.Sprintf("bad%d", i), time.Minute, data)
	}
	b.add(b.keys.Index(), "not an id")
	b.add(b.keys.Index(), keys.EscapeID("no hash"))
	if services, err := r.GetService(t.Context(), "shop"); err == nil {
		t.Errorf("nothing can be read, but there is no error: %v", services)
	}
	b.plant("good", time.Minute, `{"v":9,"address":"10.0.0.9:80","news":true}`) // a newer writer's
	wantIDs(t, r, "shop", "/good")
	for _, want := range []string{`"bad0"`, `"bad1"`, `"bad2"`, "not an id"} {
		wantLog(t, log, want)
	}
}
