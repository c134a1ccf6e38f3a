package discovery

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-go/rollcall/internal/views"
	"github.com/rollcall-go/rollcall/registry"
)

// Services that came and went, with nodes that were ejected, leave nothing in the
// resolver.
func TestServicesThatCameAndWentLeaveNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var services []*registry.Service
		for i := range 1000 {
			services = append(services, &registry.Service{Name: fmt.Sprint("shop-", i), Nodes: []*registry.Node{
				{ID: "a", Address: "a:80"}, {ID: "b", Address: "b:80"},
			}})
		}
		r := New(Static(services...), Ejection(1, time.Second, time.Minute))
		defer r.Close()
		for _, s := range services {
			p, err := r.Pick(context.Background(), s.Name)
			if err != nil {
				t.Fatal(err)
			}
			p.Done(errors.New("broken"))
			_, _ = r.Pick(context.Background(), "no "+s.Name)
		}
		time.Sleep(2 * DefaultIdleTimeout)
		synctest.Wait()
		if n := r.hub.Counts(); n != (views.Counts{}) {
			t.Errorf("%+v are left", n)
		}
	})
}
