package registry_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// waiting is a check that reports when it is first called, and answers when it may.
func waiting(answer error) (check registry.RegisterOption, asked <-chan struct{}, release func()) {
	first, may := make(chan struct{}), make(chan struct{})
	var once sync.Once
	return registry.RegisterCheck(func(context.Context) error {
		once.Do(func() { close(first) })
		<-may
		return answer
	}), first, func() { close(may) }
}

// A Register that fails ends nothing that another one has made.
func TestFailedRegisterBesideAnother(t *testing.T) {
	t.Parallel()
	log := newRounds()
	r := open(t, at(redistest.Start(t)), log.option())
	check, asked, release := waiting(errSick)
	failed := make(chan error, 1)
	go func() { failed <- r.Register(t.Context(), service("shop", node("a")), check) }()
	<-asked
	register(t, r, service("shop", node("a")))
	release()
	if err := <-failed; !errors.Is(err, errSick) {
		t.Fatalf("the first Register: %v, want what its check said", err)
	}
	log.good(t, 2)
	if err := showsOnly(t.Context(), r, "shop", "a"); err != nil {
		t.Error(err)
	}
}

// The options of the newest Register are in force, also if an older one returns last.
func TestNewestOptionsInForce(t *testing.T) {
	t.Parallel()
	server, log := redistest.Start(t), newRounds()
	r := open(t, at(server), log.option())
	register(t, r, service("other", node("a"))) // is renewed
	check, asked, release := waiting(nil)
	first := make(chan error, 1)
	go func() { first <- r.Register(t.Context(), service("shop", node("a")), check) }()
	<-asked
	register(t, r, service("shop", node("a")), registry.RegisterManual())
	release()
	if err := <-first; err != nil {
		t.Fatal(err)
	}
	b := behind(t, at(server), "shop")
	end := b.end("a")
	log.good(t, 3)
	if b.end("a") != end {
		t.Error("the newest Register was manual, and the node is renewed")
	}
}

// A part of a Register that fails has been live for a while: its end is reported, too.
func TestFailedRegisterReportsTheEnd(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	holder, r := open(t, at(server)), open(t, at(server))
	register(t, holder, service("shop", node("zzz")))
	s := fleet("shop", 150) // in two calls
	s.Nodes = append(s.Nodes, node("zzz"))
	seen := newStates()
	if err := r.Register(t.Context(), s, registry.RegisterExclusive(), seen.option()); !errors.Is(err, registry.ErrConflict) {
		t.Fatalf("Register: %v, want ErrConflict", err)
	}
	seen.next(t, registry.Live)
	seen.next(t, registry.Left)
	eventually(t, patience, func() error { return storedServiceOf(t, server.Client(), "shop").indexed("zzz") })
}

// What is to be done for a node while a round is under way with its service is done
// right after it, not an interval later.
func TestJoinDuringRound(t *testing.T) {
	t.Parallel()
	for name, join := range map[string]func(context.Context, *registry.Redis) error{
		"deregistration": func(ctx context.Context, r *registry.Redis) error {
			if err := r.Deregister(ctx, service("shop", node("b"))); !errors.Is(err, registry.ErrUnavailable) {
				return fmt.Errorf("Deregister: %w", err)
			}
			return nil
		},
		"registration": func(ctx context.Context, r *registry.Redis) error {
			return r.Register(ctx, service("shop", node("c")), registry.RegisterRetry())
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			client := dial(t, server)
			r := open(t, at(server), registry.Client(client), registry.TTL(time.Hour), registry.Interval(5*time.Second))
			register(t, r, service("shop", node("a"), node("b")))
			if name == "deregistration" {
				client.AddHook(&dropFirstCall{script: "deregister"})
			}
			var once sync.Once
			joined := make(chan time.Time, 1)
			client.AddHook(tap(func(script string) {
				if script == "renew" {
					once.Do(func() {
						ctx, cancel := context.WithTimeout(t.Context(), 0) // Redis does not get a Register
						defer cancel()
						if err := join(ctx, r); err != nil {
							t.Error(err)
						}
						joined <- time.Now()
					})
				}
			}))
			var began time.Time
			select {
			case began = <-joined:
			case <-time.After(patience):
				t.Fatal("nothing was renewed")
			}
			want := map[string][]string{"deregistration": {"a"}, "registration": {"a", "b", "c"}}[name]
			since(t, began, time.Second, name, func() error { return storedServiceOf(t, server.Client(), "shop").indexed(want...) })
			if took := time.Since(began); took > 4*time.Second {
				t.Errorf("done after %v, by the next round", took)
			}
		})
	}
}

// Services that Redis refuses, and that are tried again and again, keep no other one
// from coming back.
func TestRefusedServicesKeepNobodyBack(t *testing.T) {
	t.Parallel()
	const interval = 500 * time.Millisecond
	server := redistest.Start(t)
	all := []string{"on", ">secret", "~*", "&*", "+@all"}
	r := user(t, server, all, registry.Interval(interval), registry.TTL(patience), registry.Timeout(time.Second))
	register(t, r, service("shop", node("a")))
	for i := range 50 {
		register(t, r, service(fmt.Sprint("desk-", i), node("a")))
	}
	server.SetUser(prefix(t), append([]string{"on", ">secret"}, registrarRights(prefix(t))...)...) // of shop alone
	shop := storedServiceOf(t, server.Client(), "shop")
	for range 3 { // the rounds of 50 others and of this one fall together in the end
		if err := server.Client().Del(t.Context(), shop.Node("a"), shop.Index()).Err(); err != nil {
			t.Fatal(err)
		}
		within(t, interval+time.Second, "back", func() error { return shop.indexed("a") })
	}
	server.SetUser(prefix(t), all...) // for Close
}

// A service with a short interval, and Redis far away, ends the leases of no other one.
func TestShortIntervalBesideALong(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	proxy := redistest.StartProxy(t, server.Addr())
	log, seen := newRounds(), newStates()
	r := open(t, at(proxy), registry.TTL(6*time.Second), registry.Interval(time.Second), log.option())
	register(t, r, service("slow", node("a")), seen.option())
	seen.next(t, registry.Live)
	proxy.Latency(120 * time.Millisecond)
	register(t, r, service("quick", node("a")), registry.RegisterTTL(time.Second), registry.RegisterRetry()) // every 333 ms
	log.good(t, 10)
	seen.none(t)
	proxy.Heal()
}

// What the caller does with his document afterwards is no business of the registry's.
func TestDocumentIsCopied(t *testing.T) {
	t.Parallel()
	const document = `{"openapi":"3.1.0"}`
	server := redistest.Start(t)
	r := open(t, at(server))
	s := service("shop", node("a"))
	s.APIs = json.RawMessage(document)
	register(t, r, s)
	for i := range s.APIs {
		s.APIs[i] = 'X'
	}
	server.Flush()
	eventually(t, patience, func() error { return showsOnly(t.Context(), r, "shop", "a") })
	if got := string(get(t, r, "shop")[0].APIs); got != document {
		t.Errorf("registered again with the document %s", got)
	}
}
