package registry_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

var watchingExpiry = []testCase{
	{"a history that expires is followed by the next", watchOverExpiry},
}

// retired returns how long the version and the log of the service have to live:
// -1 where they do not expire.
func (b backstage) retired() (version, log time.Duration) {
	b.t.Helper()
	ctx := b.t.Context()
	v, l := b.client.PTTL(ctx, b.keys.Version()), b.client.PTTL(ctx, b.keys.Log())
	if v.Err() != nil || l.Err() != nil {
		b.t.Fatal(v.Err(), l.Err())
	}
	return v.Val(), l.Val()
}

// retire has the version and the log expire at once, a day early.
func (b backstage) retire() {
	b.t.Helper()
	for _, k := range []string{b.keys.Version(), b.keys.Log()} {
		if ok, err := b.client.PExpire(b.t.Context(), k, time.Millisecond).Result(); !ok || err != nil {
			b.t.Fatalf("shorten the life of %s: %v, %v", k, ok, err)
		}
	}
	eventually(b.t, patience, func() error {
		if n, err := b.client.Exists(b.t.Context(), b.keys.Version(), b.keys.Log()).Result(); n > 0 || err != nil {
			return fmt.Errorf("%d keys are left, %w", n, err)
		}
		return nil
	})
}

// The readers may poll between the end of a history and the begin of the next, or
// not: each round is one or the other.
func watchOverExpiry(t *testing.T, tp redistest.Topology) {
	b, r, reader := behind(t, tp, "shop"), open(t, tp, calm), open(t, tp, registry.PollInterval(100*time.Millisecond))
	seldom := open(t, tp, registry.PollInterval(time.Hour))
	one, all, slow := watch(t, reader, registry.WatchService("shop")), watch(t, reader), watch(t, seldom, registry.WatchService("shop"))
	audiences, followed := []*audience{one, all, slow}, follow(t, reader, "shop")
	histories := map[string]bool{}
	for round := range 5 {
		id := fmt.Sprint("n", round%2) // each comes back, with an override that waits for it
		register(t, r, service("shop", node(id)))
		if v, l := b.retired(); v != -1 || l != -1 {
			t.Errorf("with a node, version and log expire in %v and %v", v, l)
		}
		for _, a := range audiences {
			res := a.expect("create /" + id)[0]
			if res.Revision != 1 {
				t.Errorf("revision %d of the first change of a history", res.Revision)
			}
			histories[res.History] = true
			if want := round >= 2; (res.Service.Nodes[0].Weight == 7) != want {
				t.Errorf("weight %d, with an override: %v", res.Service.Nodes[0].Weight, want)
			}
		}
		v := untilView(t, followed, func(v *registry.View) bool { return shown(v) == "/"+id+" " })
		if len(v.Held) > 0 || len(v.Lapsed) > 0 || !histories[v.History] {
			t.Errorf("the view holds %v, lapsed %v, history %s", v.Held, v.Lapsed, v.History)
		}
		if round < 2 {
			b.override(id, `{"weight":7}`)
			for _, a := range audiences {
				a.expect("update /" + id)
			}
		}
		deregister(t, r, service("shop"))
		if v, l := b.retired(); min(v, l) < 23*time.Hour || max(v, l) > 24*time.Hour {
			t.Errorf("without a node, version and log expire in %v and %v, want a day", v, l)
		}
		for _, a := range audiences {
			a.expect("delete /" + id)
		}
		untilView(t, followed, func(v *registry.View) bool { return shown(v) == "" })
		b.retire()
	}
	if len(histories) != 5 {
		t.Errorf("%d histories in 5 rounds", len(histories))
	}
}

// A day without nodes passes in a bubble: Redis's own TTLs leave nothing of 50
// services but the entries of the catalogues, and after a week not even these.
func TestServicesThatLeftLeaveNothing(t *testing.T) {
	inBubble(t, func(b *bubble) {
		for i := range 50 {
			register(b.t, b.Redis, service(fmt.Sprint("shop", i), node("a")))
		}
		for i := range 50 {
			deregister(b.t, b.Redis, service(fmt.Sprint("shop", i)))
		}
		time.Sleep(23 * time.Hour)
		if n := len(b.server.Keys()); n != 50*2+2 {
			b.t.Errorf("%d keys after 23 hours, want the version and the log of each service, and two catalogues", n)
		}
		time.Sleep(2 * time.Hour)
		if keys := b.server.Keys(); len(keys) != 2 {
			b.t.Errorf("after a day: %v, want two catalogues", keys)
		}
		time.Sleep(7 * 24 * time.Hour)
		if keys := b.server.Keys(); len(keys) != 0 {
			b.t.Errorf("after a week: %v, want nothing", keys)
		}
	})
}
