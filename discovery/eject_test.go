package discovery_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/registry"
)

var errBroken = errors.New("broken")

// only lets one node through.
func only(id string) discovery.PickOption {
	return discovery.Filter(func(n *registry.Node) bool { return n.ID == id })
}

// call makes calls to one node, which all end in the same way.
func call(t testing.TB, r *discovery.Resolver, id string, n int, err error) {
	t.Helper()
	filter := only(id)
	for range n {
		p, pickErr := r.Pick(context.Background(), "shop", filter)
		if pickErr != nil {
			t.Fatal(pickErr)
		}
		p.Done(err)
	}
}

// ready are the nodes that stand to be picked.
func ready(t *testing.T, r *discovery.Resolver) string {
	t.Helper()
	return ids(resolve(t, r).Ready())
}

// An ejections writes the EjectEvents down.
type ejections struct {
	mu  sync.Mutex
	log []string
}

func (e *ejections) observe(event discovery.Event) {
	if ejected, ok := event.(discovery.EjectEvent); ok {
		e.mu.Lock()
		defer e.mu.Unlock()
		what := map[bool]string{true: " out", false: " back"}[ejected.Ejected]
		e.log = append(e.log, ejected.Namespace+ejected.Service+"/"+ejected.Node+what)
	}
}

func (e *ejections) String() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return strings.Join(e.log, ", ")
}

func TestEjection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src, events := newFakeSource(), &ejections{}
		opt, log := logged()
		src.set("shop", shop(1, "a", "b", "c"))
		r := resolver(t, src, discovery.Observe(events.observe), opt)
		call(t, r, "a", discovery.DefaultFailures-1, errBroken)
		call(t, r, "a", 1, nil)
		call(t, r, "a", discovery.DefaultFailures-1, errBroken)
		same(t, "before the last failure", ready(t, r), "a b c")
		call(t, r, "a", 1, errBroken)
		same(t, "after it", ready(t, r), "b c")
		same(t, "all nodes", ids(resolve(t, r).Nodes()), "a b c")
		same(t, "picks", picks(t, r, 1000)["a"], 0)
		if !strings.Contains(log(), `"level":"warn"`) || !strings.Contains(log(), errBroken.Error()) {
			t.Errorf("the log of an ejection: %s", log())
		}
		call(t, r, "a", 1, nil) // the selection has no other
		same(t, "after a call that was no probe", ready(t, r), "b c")

		time.Sleep(discovery.DefaultEjection)
		synctest.Wait()
		same(t, "before the probe", ready(t, r), "b c")
		same(t, "probes", picks(t, r, 1)["a"], 1)
		same(t, "after the probe", ready(t, r), "a b c")
		synctest.Wait()
		same(t, "events", events.String(), "shop/a out, shop/a back")
	})
}

// A node that still fails is out for twice as long each time, up to the cap, a little
// shortened.
func TestEjectionDoubles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource()
		src.set("shop", shop(1, "a", "b", "c"))
		r := resolver(t, src, discovery.Ejection(2, time.Second, 5*time.Second))
		call(t, r, "a", 2, errBroken)
		for _, d := range []time.Duration{1, 2, 4, 5, 5} {
			d *= time.Second
			time.Sleep(d*4/5 - 1)
			same(t, "early", picks(t, r, 100)["a"], 0)
			time.Sleep(d/5 + 1)
			synctest.Wait()
			call(t, r, "a", 1, errBroken) // the probe
			same(t, "after the probe", picks(t, r, 100)["a"], 0)
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		call(t, r, "a", 1, nil)
		same(t, "back", ready(t, r), "a b c")
		call(t, r, "a", 2, errBroken)
		time.Sleep(4*time.Second - 1)
		synctest.Wait()
		same(t, "failed again at once: probes", picks(t, r, 100)["a"], 0)
		time.Sleep(time.Second + 1)
		synctest.Wait()
		call(t, r, "a", 1, nil)
		time.Sleep(5 * time.Second) // as long as it was out: recovered
		call(t, r, "a", 2, errBroken)
		time.Sleep(time.Second)
		synctest.Wait()
		call(t, r, "a", 1, nil)
		same(t, "a second after a recovery", ready(t, r), "a b c")
	})
}

func TestProbes(t *testing.T) {
	start := func(t *testing.T) *discovery.Resolver {
		src := newFakeSource()
		src.set("shop", shop(1, "1/a", "1/b", "1/c", "2/d", "2/e", "2/f"))
		r := resolver(t, src, discovery.Ejection(1, time.Second, time.Minute))
		resolve(t, r)
		call(t, r, "a", 1, errBroken)
		call(t, r, "d", 1, errBroken)
		time.Sleep(time.Second)
		synctest.Wait()
		return r
	}
	pick := func(t *testing.T, r *discovery.Resolver, opts ...discovery.PickOption) discovery.Picked {
		t.Helper()
		p, err := r.Pick(t.Context(), "shop", opts...)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	for name, f := range map[string]func(*testing.T, *discovery.Resolver){
		"one at a time": func(t *testing.T, r *discovery.Resolver) {
			one, two := pick(t, r), pick(t, r)
			probed := []string{one.Node().ID, two.Node().ID}
			slices.Sort(probed)
			same(t, "probed", strings.Join(probed, " "), "a d")
			same(t, "others", picks(t, r, 100)["a"]+picks(t, r, 100)["d"], 0)
			call(t, r, "a", 1, nil) // there is no other: no probe
			call(t, r, "d", 1, nil)
			same(t, "ready before", ready(t, r), "b c e f")
			one.Done(nil)
			two.Done(errBroken)
			same(t, "ready", len(resolve(t, r).Ready()), 5)
		},
		"only where the selection matches": func(t *testing.T, r *discovery.Resolver) {
			same(t, "probed", pick(t, r, discovery.Version("2")).Node().ID, "d")
			same(t, "probed of the other version", pick(t, r, discovery.Version("1")).Node().ID, "a")
		},
		"whatever the key": func(t *testing.T, r *discovery.Resolver) {
			for range 2 { // a and d, in the order of their times
				if id := pick(t, r, discovery.Ring(1.25), discovery.HashKey("x")).Node().ID; id != "a" && id != "d" {
					t.Errorf("%s was picked", id)
				}
			}
		},
		"cancelled": func(t *testing.T, r *discovery.Resolver) {
			pick(t, r, discovery.Version("1")).Done(context.Canceled)
			same(t, "probed again", pick(t, r, discovery.Version("1")).Node().ID, "a")
		},
		"answered with an error": func(t *testing.T, r *discovery.Resolver) {
			pick(t, r, discovery.Version("1")).Done(backoff.Permanent(errBroken))
			same(t, "ready", ready(t, r), "a b c e f")
		},
		"never done": func(t *testing.T, r *discovery.Resolver) {
			lost := pick(t, r, discovery.Version("1"))
			time.Sleep(time.Second - 1)
			same(t, "too early", picks(t, r, 100, discovery.Version("1"))["a"], 0)
			time.Sleep(time.Nanosecond)
			synctest.Wait()
			p := pick(t, r, discovery.Version("1"))
			same(t, "probed again", p.Node().ID, "a")
			p.Done(errBroken)
			lost.Done(nil) // says nothing any more
			same(t, "ready", ready(t, r), "b c e f")
		},
		"after the node has gone": func(t *testing.T, r *discovery.Resolver) {
			p := pick(t, r)
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			p.Done(nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { f(t, start(t)) })
		})
	}
}

func TestEjectionSparesHalf(t *testing.T) {
	for _, tc := range []struct {
		name            string
		nodes, draining string
		ready           string // after all have failed, one after the other
		then, drains    string // the nodes of the next view
		after           string // ready in it
		events          string
	}{
		{name: "the only one", nodes: "a", ready: "a"},
		{name: "one of two", nodes: "a b", ready: "b", events: "shop/a out"},
		{name: "one of three", nodes: "a b c", ready: "b c", events: "shop/a out"},
		{name: "two of five", nodes: "a b c d e", ready: "c d e", events: "shop/a out, shop/b out"},
		{name: "beside draining ones", nodes: "a b c", draining: "c", ready: "b", events: "shop/a out"},
		{name: "one that drains", nodes: "a b c", draining: "a", ready: "c", events: "shop/b out"},
		{name: "the last that does not drain", nodes: "a b c", draining: "b c", ready: "a"},
		{
			name: "others leave", nodes: "a b c d", ready: "c d", then: "a b c", after: "a c",
			events: "shop/a out, shop/b out, shop/a back",
		},
		{
			name: "others drain", nodes: "a b c d", ready: "c d", then: "a b c d", drains: "d", after: "a c",
			events: "shop/a out, shop/b out, shop/a back",
		},
		{
			name: "it drains", nodes: "a b c d", ready: "c d", then: "a b c d", drains: "a", after: "c d",
			events: "shop/a out, shop/b out, shop/a back",
		},
		{name: "it leaves", nodes: "a b", ready: "b", then: "b", after: "b", events: "shop/a out"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				src, events := newFakeSource(), &ejections{}
				src.set("shop", draining(shop(1, strings.Fields(tc.nodes)...), tc.draining))
				r := resolver(t, src, discovery.Ejection(1, time.Minute, time.Hour), discovery.Observe(events.observe))
				resolve(t, r)
				for id := range strings.FieldsSeq(tc.nodes) {
					call(t, r, id, 10, errBroken)
					time.Sleep(12*time.Second + 1) // longer than jitter may turn the order
				}
				same(t, "ready", ready(t, r), tc.ready)
				if tc.then != "" {
					src.set("shop", draining(shop(2, strings.Fields(tc.then)...), tc.drains))
					synctest.Wait()
					same(t, "ready afterwards", ready(t, r), tc.after)
				}
				synctest.Wait()
				same(t, "events", events.String(), tc.events)
			})
		})
	}
}

// draining has some nodes of a view drain.
func draining(v *registry.View, which string) *registry.View {
	for _, s := range v.Services {
		for _, n := range s.Nodes {
			if slices.Contains(strings.Fields(which), n.ID) {
				n.Status = registry.Draining
			}
		}
	}
	return v
}
