package registry_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-go/rollcall/internal/lua"
	"github.com/rollcall-go/rollcall/internal/record"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

var operators = []testCase{
	{"an operator's removal stops the node", operatorRemoves},
	{"an operator's override is laid over the node", operatorOverrides},
}

// remove deregisters a node as an operator does, no matter which registry holds it.
func (b rawService) remove(id string) {
	b.t.Helper()
	holder := b.holder(id)
	b.do(lua.Deregister(b.t.Context(), b.client, lua.DeregisterCall{
		Target: b.target(), Act: lua.Act{By: lua.Operator}, Nodes: []lua.Lease{{ID: id, Token: holder.Lease, Seq: holder.Seq}},
	}))
}

// override sets what an operator says of a node, for whatever process has it: a JSON object
// of aspects and values; "" undoes it.
func (b rawService) override(id, aspects string) {
	b.t.Helper()
	b.do(lua.Override(b.t.Context(), b.client, b.overriding(id, aspects)))
}

func (b rawService) overriding(id, aspects string) lua.OverrideCall {
	b.t.Helper()
	c := lua.OverrideCall{Target: b.target(), ID: id, Aspects: []lua.Aspect{{Name: record.EveryAspect}}}
	if aspects == "" {
		return c
	}
	var values map[string]any
	if err := json.Unmarshal([]byte(aspects), &values); err != nil {
		b.t.Fatal(err)
	}
	for aspect, value := range values {
		said, err := record.Said{Value: value}.Encode()
		if err != nil {
			b.t.Fatal(err)
		}
		c.Aspects = append(c.Aspects, lua.Aspect{Name: aspect, JSON: said})
	}
	return c
}

func operatorRemoves(t *testing.T, tp redistest.Topology) {
	r, b, s := open(t, tp), behind(t, tp, "shop"), newStates()
	register(t, r, service("shop", node("a"), node("b")), s.option())
	s.next(t, registry.Live)
	b.remove("a")
	wantIDs(t, r, "shop", "/b")
	wantErr(t, s.next(t, registry.Removed), registry.ErrSuperseded)
	wantErr(t, r.Register(t.Context(), service("shop", node("a"))), registry.ErrSuperseded)
	b.extended("b", b.end("b"))
	wantIDs(t, r, "shop", "/b")

	deregister(t, r, service("shop", node("a"))) // its owner has understood
	s.next(t, registry.Left)
	register(t, r, service("shop", node("a")))
	wantIDs(t, r, "shop", "/a", "/b")
}

func operatorOverrides(t *testing.T, tp redistest.Topology) {
	r, b := open(t, tp, renewRarely), behind(t, tp, "shop")
	n := &registry.Node{ID: "a/1", Address: "10.0.0.1:80", Weight: 5, Zone: "eu", Metadata: map[string]string{"k": "v", "drop": "me"}}
	register(t, r, service("shop", n, node("other")))
	want := func(want *registry.Node) {
		t.Helper()
		if d := cmp.Diff(want, get(t, r, "shop")[0].Nodes[0]); d != "" {
			t.Errorf("(-want +found):\n%s", d)
		}
	}
	b.override("a/1", `{"status":"draining","weight":0,"metadata:new":"x","metadata:drop":null}`)
	overridden := *n
	overridden.Status, overridden.Weight, overridden.Metadata = registry.Draining, registry.NoTraffic, map[string]string{"k": "v", "new": "x"}
	want(&overridden)

	n.Zone = "us"
	register(t, r, service("shop", n)) // with new data
	overridden.Zone = "us"
	want(&overridden)
	deregister(t, r, service("shop", n))
	register(t, r, service("shop", n)) // under a new lease
	want(&overridden)

	b.override("a/1", `{"status":"up"}`)
	n.Status = registry.Draining
	register(t, r, service("shop", n))
	overridden = *n
	overridden.Status = registry.Up // against the node's own word
	want(&overridden)
	b.override("a/1", `{"weight":"heavy"}`) // of a version to come, perhaps
	want(n)
	b.override("a/1", "")
	want(n)
}
