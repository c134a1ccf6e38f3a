package registry_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// A heldReply keeps the first reply to a register script from the registry.
type heldReply struct {
	once             sync.Once
	arrived, release chan struct{}
}

func holdReply(client *redis.Client) *heldReply {
	h := &heldReply{arrived: make(chan struct{}), release: make(chan struct{})}
	client.AddHook(h)
	return h
}

func (*heldReply) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (*heldReply) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (h *heldReply) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := next(ctx, cmds)
		if len(cmds) > 0 && scriptOf(cmds[0]) == "register" && !redis.HasErrorPrefix(err, "NOSCRIPT") {
			h.once.Do(func() {
				close(h.arrived)
				<-h.release
			})
		}
		return err
	}
}

// TestRegisterGivenUpLeavesNothing: Redis has registered the nodes, but the reply is
// still on its way when the caller's context ends. Register returns an error, so the
// nodes are withdrawn and never renewed.
func TestRegisterGivenUpLeavesNothing(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		service *registry.Service
		opts    []registry.RegisterOption
		limit   time.Duration // zero: the context is cancelled
		want    error
	}{
		{"cancelled", fleet("shop", 1), nil, 0, context.Canceled},
		{"deadline", fleet("shop", 1), nil, 300 * time.Millisecond, context.DeadlineExceeded},
		{"several calls", fleet("shop", 150), nil, 0, context.Canceled},
		{"exclusive", fleet("shop", 1), []registry.RegisterOption{registry.RegisterExclusive()}, 0, context.Canceled},
		{"manual", fleet("shop", 1), []registry.RegisterOption{registry.RegisterManual()}, 0, context.Canceled},
		{"checked", fleet("shop", 1), []registry.RegisterOption{
			registry.RegisterCheck(func(context.Context) error { return nil }),
		}, 0, context.Canceled},
		{"retry", fleet("shop", 1), []registry.RegisterOption{registry.RegisterRetry()}, 0, context.Canceled},
		{"retry, deadline", fleet("shop", 1), []registry.RegisterOption{
			registry.RegisterRetry(),
		}, 300 * time.Millisecond, context.DeadlineExceeded},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			client, rounds := dial(t, server), newRounds()
			r := open(t, at(server), registry.Client(client), rounds.option())
			register(t, r, service("other", node("a"))) // is renewed
			held := holdReply(client)
			ctx, cancel := context.WithCancel(t.Context())
			if tc.limit > 0 {
				ctx, cancel = context.WithTimeout(t.Context(), tc.limit)
			}
			defer cancel()
			returned := make(chan error, 1)
			go func() { returned <- r.Register(ctx, tc.service, tc.opts...) }()
			<-held.arrived
			if tc.limit == 0 {
				cancel()
			}
			if err := <-returned; !errors.Is(err, tc.want) {
				t.Fatalf("Register: %v, want %v", err, tc.want)
			}
			shop := storedServiceOf(t, server.Client(), "shop")
			if len(shop.changes()) == 0 {
				t.Fatal("nothing was registered, so nothing is tested")
			}
			close(held.release)
			within(t, time.Second, "withdrawn", func() error { return shop.indexed() })
			rounds.good(t, 2)
			if err := shop.indexed(); err != nil {
				t.Errorf("two renewals later: %v", err)
			}
		})
	}
}

// TestRegisterGivenUpBesideOneThatFails: no Register returned that the node is
// registered, so it is not, in whatever order the two calls end.
func TestRegisterGivenUpBesideOneThatFails(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client, rounds := dial(t, server), newRounds()
	r := open(t, at(server), registry.Client(client), rounds.option())
	register(t, r, service("other", node("a")))
	held := holdReply(client)
	ctx, cancel := context.WithCancel(t.Context())
	givenUp, failed := make(chan error, 1), make(chan error, 1)
	go func() { givenUp <- r.Register(ctx, service("shop", node("a"))) }()
	<-held.arrived
	check, asked, release := waiting(errSick)
	go func() { failed <- r.Register(t.Context(), service("shop", node("a")), check) }()
	<-asked
	cancel()
	if err := <-givenUp; !errors.Is(err, context.Canceled) {
		t.Fatalf("Register: %v, want context.Canceled", err)
	}
	close(held.release)
	rounds.good(t, 1)
	release()
	if err := <-failed; !errors.Is(err, errSick) {
		t.Fatalf("the other Register: %v, want what its check said", err)
	}
	within(t, time.Second, "withdrawn", storedServiceOf(t, server.Client(), "shop").indexedNone)
}

// TestChangeGivenUpStaysInForce: of a node that is registered, new data are in force
// also where their Register was cancelled.
func TestChangeGivenUpStaysInForce(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client, rounds := dial(t, server), newRounds()
	r := open(t, at(server), registry.Client(client), rounds.option())
	register(t, r, service("shop", node("a")))
	held := holdReply(client)
	ctx, cancel := context.WithCancel(t.Context())
	changed := service("shop", node("a"))
	changed.Nodes[0].Weight = 20
	returned := make(chan error, 1)
	go func() { returned <- r.Register(ctx, changed) }()
	<-held.arrived
	cancel()
	if err := <-returned; !errors.Is(err, context.Canceled) {
		t.Fatalf("Register: %v, want context.Canceled", err)
	}
	close(held.release)
	rounds.good(t, 2)
	services, err := r.GetService(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	if w := services[0].Nodes[0].Weight; w != 20 {
		t.Errorf("weight %d, want the new one, 20", w)
	}
}

// TestDeregisterGivenUpIsDone: the caller does not wait, and the node is gone all the
// same.
func TestDeregisterGivenUpIsDone(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	proxy := redistest.StartProxy(t, server.Addr())
	client := dial(t, proxy)
	r := open(t, at(proxy), registry.Client(client))
	register(t, r, service("shop", node("a")))
	proxy.Stall()
	sending := make(chan struct{})
	var once sync.Once
	client.AddHook(tap(func(script string) {
		if script == "deregister" {
			once.Do(func() { close(sending) })
		}
	}))
	ctx, cancel := context.WithCancel(t.Context())
	returned := make(chan error, 1)
	go func() { returned <- r.Deregister(ctx, service("shop")) }()
	<-sending
	cancel()
	if err := <-returned; !errors.Is(err, context.Canceled) {
		t.Fatalf("Deregister: %v, want context.Canceled", err)
	}
	proxy.Heal()
	eventually(t, patience, storedServiceOf(t, server.Client(), "shop").indexedNone)
}

// indexedNone returns nil once the index is empty.
func (l storedService) indexedNone() error { return l.indexed() }
