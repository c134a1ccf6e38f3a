package discovery_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/cenkalti/backoff/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/registry"
)

func TestBroadcast(t *testing.T) {
	src := newFakeSource()
	src.set("shop", draining(shop(1, "1/a", "1/b", "1/c", "2/d"), "c"))
	src.set("empty", shop(1))
	src.set("none", &registry.View{})
	r := resolver(t, src, discovery.Subset(1))
	call(t, r, "a", 100, errBroken) // ejected

	for _, tc := range []struct {
		name string
		opts []discovery.PickOption
		want []string
	}{
		{"all", nil, []string{"a: broken", "b: <nil>", "c: <nil>", "d: broken"}},
		{"a version", pick(discovery.Version("1")), []string{"a: broken", "b: <nil>", "c: <nil>"}},
		{"a zone that has none", pick(discovery.Zone("x"), discovery.Ring(2)), []string{"a: broken", "b: <nil>", "c: <nil>", "d: broken"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			all, calls := make(chan struct{}), atomic.Int32{}
			outcomes, err := r.Broadcast(t.Context(), "shop", func(_ context.Context, n *registry.Node) error {
				if int(calls.Add(1)) == len(tc.want) {
					close(all)
				}
				<-all // at once, or never
				return map[string]error{"a": errBroken, "d": backoff.Permanent(errBroken)}[n.ID]
			}, tc.opts...)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, o := range outcomes {
				got = append(got, fmt.Sprint(o.Node.ID, ": ", o.Err))
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	unreached := func(context.Context, *registry.Node) error {
		t.Error("a call")
		return nil
	}
	_, err := r.Broadcast(t.Context(), "empty", unreached)
	wantErr(t, "an empty service", err, discovery.ErrNoNodes)
	_, err = r.Broadcast(t.Context(), "none", unreached)
	wantErr(t, "no service", err, registry.ErrNotFound)
	_, err = r.Broadcast(t.Context(), "shop", nil)
	wantErr(t, "no call", err, registry.ErrInvalid)
}

// Failures of a broadcast count like any other.
func TestBroadcastFeedsBack(t *testing.T) {
	src := newFakeSource()
	src.set("shop", shop(1, "a", "b", "c"))
	r := resolver(t, src)
	for range discovery.DefaultFailures {
		_, err := r.Broadcast(t.Context(), "shop", func(_ context.Context, n *registry.Node) error {
			if n.ID == "b" {
				return errors.New("no")
			}
			return nil
		})
		wantErr(t, "Broadcast", err)
	}
	same(t, "ready", ready(t, r), "a c")
}

func TestBroadcastPanics(t *testing.T) {
	src := newFakeSource()
	src.set("shop", shop(1, "a", "b", "c"))
	r := resolver(t, src)
	var ended atomic.Int32
	defer func() {
		same[any](t, "the panic", recover(), "a mistake")
		same(t, "the other calls", ended.Load(), 2)
	}()
	_, _ = r.Broadcast(t.Context(), "shop", func(_ context.Context, n *registry.Node) error {
		if n.ID == "b" {
			panic("a mistake")
		}
		ended.Add(1)
		return nil
	})
}
