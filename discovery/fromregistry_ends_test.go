package discovery_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// A registry that takes its time is waited for, as long as the caller has.
func TestFromRegistryMayTakeItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := slowRegistry{&scripted{services: []*registry.Service{static("shop", "", "a")}}}
		same(t, "nodes", ids(resolve(t, resolver(t, discovery.FromRegistry(slow))).Nodes()), "a")
	})
}

type slowRegistry struct{ registry.Registry }

// A follower that is busy gets the last view, and Stop ends everything.
func TestFromRegistryStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := &scripted{services: []*registry.Service{static("shop", "", "a")}}
		f, err := discovery.FromRegistry(reg).Follow("shop")
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		for i := range uint64(50) {
			reg.result(registry.Update, "", "a", "h", i)
		}
		v, err := f.Next(t.Context())
		if err != nil || v.Revision != 49 {
			t.Errorf("%+v, %v", v, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := f.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Next without news: %v", err)
		}
		reg.end(registry.ErrClosed)
		for range 2 {
			if _, err := f.Next(t.Context()); !errors.Is(err, registry.ErrClosed) {
				t.Errorf("of a closed registry: %v", err)
			}
		}
		f.Stop()
		f.Stop()
		<-reg.watch.stopped
		if _, err := f.Next(t.Context()); !errors.Is(err, registry.ErrWatcherStopped) {
			t.Errorf("after Stop: %v", err)
		}
	})
}

// The same, on a real registry whose other methods are hidden.
func TestFromRegistryOnRedis(t *testing.T) {
	redistest.Each(t, func(t *testing.T, tp redistest.Topology) {
		r := open(t, tp)
		same(t, "a source itself", discovery.FromRegistry(r), discovery.Source(r))
		d := resolver(t, discovery.FromRegistry(struct{ registry.Registry }{r}), discovery.Timeout(patience))
		_, err := d.Resolve(t.Context(), "shop")
		wantErr(t, "unknown", err, registry.ErrNotFound)
		register(t, r, static("shop", "1", "a", "b"))
		until(t, d, func(v *discovery.View) bool { return ids(v.Nodes()) == "a b" })
		register(t, r, static("shop", "2", "a"))
		v := until(t, d, func(v *discovery.View) bool { return ids(v.Nodes()) == "b a" })
		if err := r.Deregister(t.Context(), &registry.Service{Name: "shop"}); err != nil {
			t.Fatal(err)
		}
		empty := until(t, d, func(v *discovery.View) bool { return len(v.Nodes()) == 0 })
		if empty.Revision() <= v.Revision() || empty.History() != v.History() {
			t.Errorf("revision %d of %s after %d of %s", empty.Revision(), empty.History(), v.Revision(), v.History())
		}
	})
}
