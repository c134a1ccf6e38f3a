package hertzadapter

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/community"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

func viewOf(addrs ...string) *registry.View {
	s := &registry.Service{Name: "shop"}
	for _, a := range addrs {
		s.Nodes = append(s.Nodes, &registry.Node{ID: a, Address: a})
	}
	return &registry.View{Services: []*registry.Service{s}}
}

// A field goes only where a live view and the registry both lack its node.
func TestWhatASweeperTakesOut(t *testing.T) {
	s := redistest.SharedStandalone(t)
	r := connect(t, s.URL())
	home := community.Home{Prefix: "rollcall", Namespace: "default"}
	stale := viewOf()
	stale.StaleSince = time.Now()
	const registered, held, crashed, own, old = "registered:1", "held:1", "crashed:1", "own:1", "old:1"
	must(t, r.Register(t.Context(), &registry.Service{Name: "shop", Nodes: []*registry.Node{{Address: registered}}}))
	cases := map[string]struct {
		views []*registry.View
		due   bool // the check of all fields
		gone  []string
	}{
		"crashed, and another held by the view":        {[]*registry.View{viewOf(held)}, true, []string{crashed}},
		"nothing held: that is gone, too":              {[]*registry.View{viewOf()}, true, []string{crashed, held}},
		"a stale view proves nothing":                  {[]*registry.View{stale}, true, nil},
		"no view yet":                                  {nil, true, nil},
		"all are registered, as far as this view goes": {[]*registry.View{viewOf(held, crashed)}, true, nil},
		"those that left it are looked at alone":       {[]*registry.View{viewOf(crashed), viewOf()}, false, []string{crashed}},
		"it came back before the check":                {[]*registry.View{viewOf(crashed), viewOf(), viewOf(crashed, held)}, true, nil},
	}
	for name, c := range cases {
		all := map[string]string{old: community.Entry{Addr: old}.Encode()}
		for _, addr := range []string{registered, held, crashed, own} {
			all[addr] = community.Entry{Addr: addr, Mark: &community.Mark{Home: home, Nonce: "abc"}}.Encode()
		}
		must(t, s.Client().Del(t.Context(), oldKey).Err())
		must(t, s.Client().HSet(t.Context(), oldKey, all).Err())
		sw := &sweeper{r: r, client: s.Client(), home: home, service: "shop", own: own, log: zerolog.Nop(), suspects: map[string]bool{}}
		now := time.Now()
		if !c.due {
			sw.nextAll = now.Add(time.Hour)
		}
		for _, v := range c.views {
			sw.see(v)
		}
		sw.sweep(t.Context(), now)
		var gone []string
		left := s.Client().HGetAll(t.Context(), oldKey).Val()
		for addr := range all {
			if _, ok := left[addr]; !ok {
				gone = append(gone, addr)
			}
		}
		slices.Sort(gone)
		if d := cmp.Diff(c.gone, gone); d != "" {
			t.Errorf("%s: taken out (-want +got):\n%s", name, d)
		}
		if next := time.Until(sw.nextAll); next > sweepInterval || !sw.live && next > sweepFirst {
			t.Errorf("%s: the next check is in %v", name, next)
		}
	}
}
