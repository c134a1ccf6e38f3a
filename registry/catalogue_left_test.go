package registry_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// announced is how long ago a service was entered in its catalogue.
func (b *simulation) announced(name string) time.Duration {
	b.t.Helper()
	seen, err := b.server.ZScore("rollcall:{default}:services", name+"/")
	if err != nil {
		b.t.Fatal(err)
	}
	return time.Since(time.UnixMilli(int64(seen)))
}

// A node that its caller renews no more is announced no more, and forgotten.
func TestManualNodesThatRanOutAreForgotten(t *testing.T) {
	inSimulation(t, func(b *simulation) {
		manual := registry.RegisterManual()
		register(b.t, b.Redis, service("lasting", node("a")))
		for range 10 { // renewed by its caller
			register(b.t, b.Redis, service("shop", node("a")), manual)
			time.Sleep(10 * time.Second)
		}
		if age := b.announced("shop"); age > 31*time.Second {
			b.t.Errorf("a manual node that is renewed was announced %v ago", age)
		}
		time.Sleep(time.Hour)
		if age := b.announced("shop"); age < 58*time.Minute {
			b.t.Errorf("a manual node that ran out was announced %v ago", age)
		}
		if age := b.announced("lasting"); age > 31*time.Second {
			b.t.Errorf("the node beside it was announced %v ago", age)
		}
		synctest.Wait()
		before := b.server.CommandCount()
		deregister(b.t, b.Redis, service("shop"))
		if sent := b.server.CommandCount() - before; sent != 0 {
			b.t.Errorf("its Deregister sent %d commands: it is still in the books", sent)
		}
		register(b.t, b.Redis, service("shop", node("a")), manual)
		if err := showsOnly(b.t.Context(), b.Redis, "shop", "a"); err != nil {
			b.t.Errorf("registered again: %v", err)
		}
	})
}

// What another process has taken over is announced by that process alone.
func TestSupersededNodesAreNotAnnounced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server, o := redistest.Synctest(t)
		old, newer := join(t, server, o), join(t, server, o)
		register(t, old.Redis, service("shop", node("a")))
		time.Sleep(time.Minute)
		register(t, newer.Redis, service("shop", node("a")))
		time.Sleep(time.Minute)
		deregister(t, newer.Redis, service("shop"))
		time.Sleep(time.Hour)
		if age := old.announced("shop"); age < 59*time.Minute {
			t.Errorf("a service without nodes was announced %v ago", age)
		}
		wantErr(t, old.Register(t.Context(), service("shop", node("a"))), registry.ErrSuperseded)
	})
}
