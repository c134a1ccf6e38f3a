package discovery_test

import (
	"testing"
	"testing/synctest"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/registry"
)

// A service that Redis has forgotten, after a flush or a day without nodes, stays one
// that has no nodes: it has existed.
func TestAServiceThatWasSeenIsNoStranger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource()
		src.set("shop", shop(1, "a", "b"))
		r := resolver(t, src)
		resolve(t, r)
		src.set("shop", &registry.View{})
		synctest.Wait()
		same(t, "nodes", ids(resolve(t, r).Nodes()), "")
		_, err := r.Pick(t.Context(), "shop")
		wantErr(t, "pick", err, discovery.ErrNoNodes)
	})
}
