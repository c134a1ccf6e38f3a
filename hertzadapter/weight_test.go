package hertzadapter

import (
	"testing"

	"github.com/cloudwego/hertz/pkg/app/client/loadbalance"
	hertzregistry "github.com/cloudwego/hertz/pkg/app/server/registry"
	"github.com/cloudwego/hertz/pkg/common/utils"

	"github.com/rollcall-go/rollcall/internal/community"
	"github.com/rollcall-go/rollcall/registry"
)

// A weight that is not set is Hertz's default, 10, on the way in and out, and
// Hertz's own balancer never sees a node with NoTraffic.
func TestWeightsMeanWhatTheyMeanInHertz(t *testing.T) {
	same := func(what string, got, want int) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %d, want %d", what, got, want)
		}
	}
	same("the registry's default", registry.DefaultWeight, hertzregistry.DefaultWeight)
	f := &fake{}
	must(t, NewRegistry(f).Register(&hertzregistry.Info{ServiceName: "shop", Addr: utils.NewNetAddr("tcp", "10.0.0.1:80")}))
	unset := f.services[0].Nodes[0]
	same("the weight of an Info without one", unset.Weight, 0)
	for _, weight := range []int{0, -5} {
		same("a node of the old layout", community.Entry{Addr: "x:1", Weight: weight}.Node().Weight, 0)
	}

	v := NewResolver(live(t, list{
		{Name: "shop", Nodes: []*registry.Node{
			unset, {Address: "30:1", Weight: 30}, {Address: "none:1", Weight: registry.NoTraffic},
		}},
	}))
	res, err := v.Resolve(t.Context(), "shop")
	must(t, err)
	same("instances", len(res.Instances), 2)
	balancer, picked := loadbalance.NewWeightedBalancer(), map[string]int{}
	for range 4000 {
		picked[balancer.Pick(res).Address().String()]++
	}
	if n := picked["10.0.0.1:80"]; n < 800 || n > 1200 || picked["none:1"] != 0 {
		t.Errorf("Hertz picks %v, want 1 to 3 of the first two", picked)
	}
	v = NewResolver(live(t, list{{Name: "shop", Nodes: []*registry.Node{{Address: "none:1", Weight: registry.NoTraffic}}}}))
	res, err = v.Resolve(t.Context(), "shop")
	must(t, err)
	same("instances where none gets calls", len(res.Instances), 0)
}
