package discovery_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/registry"
)

var balancers = []discovery.Balancer{
	discovery.Random(), discovery.RoundRobin(), discovery.WeightedRandom(), discovery.WeightedRoundRobin(),
	discovery.P2C(), discovery.LeastLoaded(), discovery.Maglev(), discovery.Ring(1.25),
}

// weights gives the nodes of a view their weights, in order.
func weights(v *registry.View, weights ...int) *registry.View {
	for _, s := range v.Services {
		for _, n := range s.Nodes {
			n.Weight, weights = weights[0], weights[1:]
		}
	}
	return v
}

// With the weights 0 and 1 the first is of the default weight, 10. NoTraffic and 1
// leave one node: by every balancer, by every key, and for tries after a failure.
func TestWeightZeroIsTheDefaultAndNoTrafficIsNone(t *testing.T) {
	for _, b := range balancers {
		t.Run(b.String(), func(t *testing.T) {
			src := newFakeSource()
			src.set("shop", weights(shop(1, "a", "b", "c"), registry.NoTraffic, 0, 1))
			r := resolver(t, src, discovery.WithBalancer(b), discovery.Ejection(0, 0, 0))
			same(t, "ready", ready(t, r), "b c")
			count := map[string]int{}
			for i := range 2200 {
				p, err := r.Pick(t.Context(), "shop", discovery.HashKey(fmt.Sprint(i)))
				if err != nil {
					t.Fatal(err)
				}
				count[p.Node().ID]++
				p.Done(nil)
			}
			least, most := 100, 300 // of the 200 that a share of 1 in 11 is
			switch b {
			case discovery.Random(), discovery.RoundRobin(): // of all equally
				least, most = 1000, 1200
			}
			if count["a"] != 0 || count["c"] < least || count["c"] > most {
				t.Errorf("calls %v, want none for a and %d to %d for c", count, least, most)
			}
			if n := picks(t, r, 100)["a"]; n != 0 {
				t.Errorf("%d calls without a key", n)
			}
			tries := 0
			err := r.Do(t.Context(), "shop", func(_ context.Context, n *registry.Node) error {
				if tries++; n.ID == "a" {
					t.Error("a try after a failure")
				}
				return errBroken
			})
			wantErr(t, "Do", err, errBroken)
			same(t, "tries", tries, 2)
		})
	}
}

// It gets none where nothing else is left, by no way, and the error says why.
func TestNoTrafficHoldsAlsoAlone(t *testing.T) {
	src := newFakeSource()
	src.set("shop", weights(shop(1, "1/a", "1/b", "2/c"), registry.NoTraffic, registry.NoTraffic, 1))
	r := resolver(t, src, discovery.Subset(1))
	same(t, "ready", ids(resolve(t, r, discovery.Version("1")).Ready()), "")
	same(t, "nodes", ids(resolve(t, r, discovery.Version("1")).Nodes()), "a b")
	called := func(context.Context, *registry.Node) error { t.Error("called"); return nil }
	_, pick := r.Pick(t.Context(), "shop", discovery.Version("1"))
	do := r.Do(t.Context(), "shop", called, discovery.Version("1"))

	src.set("alone", weights(shop(1, "a", "b"), registry.NoTraffic, registry.NoTraffic))
	_, dial := r.DialContext(t.Context(), "tcp", "alone")
	resp, get := (&http.Client{Transport: discovery.Transport(r, nil)}).Get("http://alone/")
	if get == nil {
		resp.Body.Close()
	}
	for op, err := range map[string]error{"Pick": pick, "Do": do, "DialContext": dial} {
		wantErr(t, op, err, discovery.ErrNoNodes)
	}
	for op, err := range map[string]error{"Pick": pick, "Do": do, "DialContext": dial, "Get": get} {
		if err == nil || !strings.Contains(err.Error(), "2 nodes, all with the weight NoTraffic") {
			t.Errorf("%s: %v, want the number of nodes and their weight", op, err)
		}
	}
}

// One node is no plural.
func TestNoTrafficOfOneNode(t *testing.T) {
	src := newFakeSource()
	src.set("one", weights(shop(1, "1/a"), registry.NoTraffic))
	src.set("two", weights(shop(1, "1/a", "2/b"), registry.NoTraffic, 1))
	r := resolver(t, src)
	_, err := r.Pick(t.Context(), "one")
	same(t, "all", err.Error(), "rollcall: pick one: no nodes: 1 node with the weight NoTraffic")
	_, err = r.Pick(t.Context(), "two", discovery.Version("1"))
	same(t, "some", err.Error(),
		`rollcall: pick two: no nodes: 2 nodes, 1 with the weight NoTraffic: Version("1") leaves 1 node with the weight NoTraffic`)
}

// It is no substitute for a draining node, is not ejected, does not count among those that
// the half is of which stays in, and a message for all reaches it.
func TestNoTrafficBesideOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource()
		src.set("shop", weights(draining(shop(1, "a", "b"), "b"), registry.NoTraffic, 1))
		r := resolver(t, src)
		same(t, "beside one that drains", ready(t, r), "b")

		src.set("shop", weights(shop(2, "a", "b", "c", "d"), registry.NoTraffic, registry.NoTraffic, 1, 1))
		synctest.Wait()
		call(t, r, "c", discovery.DefaultFailures, errBroken)
		call(t, r, "d", discovery.DefaultFailures, errBroken)
		same(t, "one of two is out", ready(t, r), "d")
		src.set("shop", weights(shop(3, "a", "b", "c", "d"), 1, 1, registry.NoTraffic, 1))
		synctest.Wait()
		same(t, "an ejected one is withdrawn", ready(t, r), "a b d")

		reached := make(chan string, 4)
		_, err := r.Broadcast(t.Context(), "shop", func(_ context.Context, n *registry.Node) error {
			reached <- n.ID
			return errBroken
		})
		wantErr(t, "Broadcast", err)
		same(t, "reached", len(reached), 4)
	})
}
