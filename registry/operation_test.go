package registry_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// A caller who gives up gets an answer at once, though Redis gives none.
func TestCallCancelled(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	proxy := redistest.StartProxy(t, server.Addr())
	client := dial(t, proxy)
	r := open(t, at(proxy), registry.Client(client), registry.TTL(time.Hour), registry.Interval(time.Minute))
	register(t, r, service("shop", node("a")))
	proxy.Stall()
	t.Cleanup(proxy.Heal)
	used := func(call func(*registry.Service) error) error { // the service is the caller's again
		s := service("shop", node("a"))
		err := call(s)
		s.Name, s.Version, s.Nodes[0].Address, s.Nodes = "", "2", "", nil
		return err
	}
	for what, call := range map[string]func(context.Context) error{
		"get":  func(ctx context.Context) error { _, err := r.GetService(ctx, "shop"); return err },
		"list": func(ctx context.Context) error { _, err := r.ListServices(ctx); return err },
		"register": func(ctx context.Context) error {
			return used(func(s *registry.Service) error { return r.Register(ctx, s) })
		},
		"deregister": func(ctx context.Context) error {
			return used(func(s *registry.Service) error { return r.Deregister(ctx, s) })
		},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		said := make(chan error, 1)
		go func() { said <- call(ctx) }()
		cancel()
		select {
		case err := <-said:
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v, want context.Canceled", what, err)
			}
		case <-time.After(patience / 2): // go-redis waits for twice as long
			t.Errorf("%s waits for Redis, though its context was cancelled", what)
		}
	}
}

// A check that ignores its context delays no Register.
func TestRegisterWithACheckThatHangs(t *testing.T) {
	t.Parallel()
	r := open(t, at(redistest.Start(t)), registry.Timeout(200*time.Millisecond))
	release := make(chan struct{})
	defer close(release)
	hang := registry.RegisterCheck(func(context.Context) error { <-release; return nil })
	for _, ctx := range []context.Context{context.Background(), t.Context()} {
		err := r.Register(ctx, service("shop", node("a")), hang)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Register: %v, want the deadline", err)
		}
	}
}

// A second Close waits until the first has deregistered the nodes, too.
func TestCloseTwiceAtOnce(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client := dial(t, server)
	r := open(t, at(server), registry.Client(client))
	register(t, r, service("shop", node("a")))
	saying, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	client.AddHook(tap(func(script string) {
		if script == "deregister" {
			once.Do(func() { close(saying) })
			<-release
		}
	}))
	closed := make(chan error, 2)
	go func() { closed <- r.Close(t.Context()) }()
	<-saying
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := r.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Close while Deregister is under way: %v, want its deadline", err)
	}
	go func() { closed <- r.Close(t.Context()) }()
	close(release)
	for range 2 {
		if err := <-closed; err != nil {
			t.Errorf("Close: %v", err)
		}
	}
}

// An error says which service it is about, however early it comes.
func TestErrorsNameTheService(t *testing.T) {
	t.Parallel()
	closed := registry.NewRegistry(registry.Addrs(redistest.SharedEmbedded(t).Addr()))
	if err := closed.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	bad := service("shop", node("a"))
	bad.Nodes[0].Address = "nowhere"
	open := open(t, at(redistest.SharedEmbedded(t)))
	_, get := closed.GetService(t.Context(), "shop")
	_, watch := closed.Watch(t.Context(), registry.WatchService("shop"))
	for want, err := range map[string]error{
		"register shop:":         closed.Register(t.Context(), service("shop", node("a"))),
		"deregister eu/shop:":    closed.Deregister(t.Context(), service("shop"), registry.DeregisterNamespace("eu")),
		"get shop:":              get,
		"watch shop:":            watch,
		"register default/shop:": open.Register(t.Context(), bad),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q in it", err, want)
		}
	}
}

// Options that are nil are none.
func TestNilOptions(t *testing.T) {
	t.Parallel()
	r := open(t, at(redistest.Start(t)), nil)
	register(t, r, service("shop", node("a")), nil)
	if _, err := r.GetService(t.Context(), "shop", nil); err != nil {
		t.Error(err)
	}
	if _, err := r.ListServices(t.Context(), nil); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if _, err := r.Watch(ctx, nil); err != nil {
		t.Error(err)
	}
	deregister(t, r, service("shop"), nil)
}

// A log that blocks holds up no call.
func TestLogThatBlocks(t *testing.T) {
	t.Parallel()
	block := make(blockedWriter)
	r := open(t, at(redistest.Start(t)), registry.Logger(zerolog.New(block)))
	defer close(block)
	register(t, r, service("shop", node("a"))) // is logged
	if err := showsOnly(t.Context(), r, "shop", "a"); err != nil {
		t.Error(err)
	}
	register(t, r, service("desk", node("a")))
}

// A blockedWriter takes nothing before it is closed.
type blockedWriter chan struct{}

func (w blockedWriter) Write(p []byte) (int, error) {
	<-w
	return len(p), nil
}
