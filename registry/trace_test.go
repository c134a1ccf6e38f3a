package registry_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// A Tracer gets each call with the error that the caller gets, and the commands of the call
// have its context.
func TestTrace(t *testing.T) {
	type mark struct{}
	server := redistest.SharedStandalone(t)
	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	t.Cleanup(func() { _ = client.Close() })
	var marked sync.Map
	client.AddHook(onCommand(func(ctx context.Context) { marked.Store(ctx.Value(mark{}), true) }))
	var lines []string
	r := registry.NewRegistry(registry.Client(client), registry.Logger(zerolog.Nop()),
		registry.Trace(func(ctx context.Context, op, namespace, service string) (context.Context, func(error)) {
			what := fmt.Sprintf("%s %s/%s", op, namespace, service)
			return context.WithValue(ctx, mark{}, what), func(err error) { lines = append(lines, fmt.Sprint(what, ": ", err)) }
		}))
	t.Cleanup(func() { _ = r.Close(context.Background()) })
	want := func(command bool, line string) {
		t.Helper()
		if diff := cmp.Diff([]string{line}, lines); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		lines = nil
		if _, has := marked.Load(strings.TrimSuffix(line, ": <nil>")); command && !has {
			t.Errorf("%q: no command has its context", line)
		}
	}
	shop := &registry.Service{Name: "shop", Nodes: []*registry.Node{{Address: "10.0.0.1:80"}}}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(r.Register(t.Context(), shop))
	want(true, "register default/shop: <nil>")
	_, err := r.GetService(t.Context(), "shop")
	must(err)
	want(true, "get default/shop: <nil>")
	_, err = r.ListServices(context.Background(), registry.ListNamespace("b")) // a context without an end
	must(err)
	want(true, "list b/: <nil>")
	must(r.Deregister(t.Context(), shop))
	want(true, "deregister default/shop: <nil>")
	w, err := r.Watch(t.Context(), registry.WatchService("shop"))
	must(err)
	w.Stop()
	want(false, "watch default/shop: <nil>")
	err = r.Register(t.Context(), &registry.Service{Name: "shop"})
	if !errors.Is(err, registry.ErrInvalid) {
		t.Fatal(err)
	}
	want(false, "register default/shop: "+err.Error())
}

// onCommand is a hook that is called with the context of each command and pipeline.
type onCommand func(context.Context)

func (f onCommand) DialHook(next redis.DialHook) redis.DialHook { return next }

func (f onCommand) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error { f(ctx); return next(ctx, cmd) }
}

func (f onCommand) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error { f(ctx); return next(ctx, cmds) }
}
