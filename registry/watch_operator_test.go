package registry_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

func watchReportsOperator(t *testing.T, tp redistest.Topology) {
	r, b := open(t, tp), behind(t, tp, "shop")
	register(t, r, service("shop", node("a")))
	a := watch(t, open(t, tp), registry.WatchService("shop"))
	a.expect("create /a")
	b.override("a", `{"status":"draining","weight":3}`)
	if n := a.expect("update /a")[0].Service.Nodes[0]; n.Status != registry.Draining || n.Weight != 3 {
		t.Errorf("overridden: %+v", n)
	}
	late := watch(t, open(t, tp), registry.WatchService("shop"))
	if n := late.expect("create /a")[0].Service.Nodes[0]; n.Status != registry.Draining || n.Weight != 3 {
		t.Errorf("overridden before the watch: %+v", n)
	}
	b.override("a", "")
	if n := a.expect("update /a")[0].Service.Nodes[0]; n.Status != registry.Up || n.Weight != 0 {
		t.Errorf("undone: %+v", n)
	}
	b.remove("a")
	a.expect("delete /a")
	late.expect("update /a", "delete /a")
}

// An override outlasts its node. Who begins to watch when the node is away knows
// it all the same when the node is back.
func watchReportsWaitingOverride(t *testing.T, tp redistest.Topology) {
	r, b := open(t, tp), behind(t, tp, "shop")
	register(t, r, service("shop", node("a@1"), node("b")))
	b.override("a@1", `{"status":"draining"}`)
	for _, gone := range []*registry.Service{service("shop", node("a@1")), service("shop")} {
		deregister(t, r, gone)
		late := watch(t, open(t, tp), registry.WatchService("shop"))
		register(t, r, service("shop", node("a@1")))
		eventually(t, patience, func() error {
			if late.node("a@1") == nil {
				return errors.New("a@1 has not come back")
			}
			return nil
		})
		if got := late.node("a@1").Service.Nodes[0].Status; got != registry.Draining {
			t.Errorf("a@1 is back %v, want draining", got)
		}
	}
}

// All that Redis had of a service is lost, as by a flush, a node that will not
// come back with it: the other nodes are never deleted, and later changes are reported.
func watchOverLostKeys(t *testing.T, tp redistest.Topology) {
	const ttl = 4 * time.Second
	r, b := open(t, tp, registry.TTL(ttl)), behind(t, tp, "shop")
	a := watch(t, open(t, tp, registry.PollInterval(500*time.Millisecond)), registry.WatchService("shop"))
	register(t, r, fleetOf("shop", 20))
	dead := b.manualNode("dead", ttl)
	eventually(t, patience, func() error {
		dead.renew()
		return a.equals(t.Context(), r, "shop")
	})
	lost := []string{b.keys.Index(), b.keys.Version(), b.keys.Log(), b.keys.Node("dead")}
	for i := range 20 {
		lost = append(lost, b.keys.Node(fmt.Sprint(i)))
	}
	if n := b.client.Del(t.Context(), lost...).Val(); n != int64(len(lost)) {
		t.Fatalf("%d of %d keys deleted", n, len(lost))
	}
	register(t, r, service("shop", node("end")))
	within(t, ttl+time.Second, "who does not come back is gone", func() error {
		if a.node("dead") != nil {
			return errors.New("dead is shown")
		}
		return a.equals(t.Context(), r, "shop")
	})
	if d := cmp.Diff([]string{"dead"}, a.deleted()); d != "" {
		t.Errorf("deleted (-want +got):\n%s", d)
	}
}
