package registry_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// warnings is a log that takes no line below a warning.
func warnings(log *logBuffer) registry.Option {
	return registry.Logger(zerolog.New(log).Level(zerolog.WarnLevel))
}

// wantLines checks how many lines of a log hold a text.
func wantLines(t *testing.T, log *logBuffer, want int, text string) {
	t.Helper()
	if got := log.count(text); got != want {
		t.Errorf("%d lines with %q, want %d:\n%s", got, text, want, log)
	}
}

// A node that another process has taken is logged once a minute for as long as it is,
// with who has it and what brings it back: nothing else does, also when that process ends.
func TestANodeThatIsTakenIsLoggedOnceAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server, o := redistest.Synctest(t)
		log := &logBuffer{}
		older, newer := join(t, server, o, warnings(log)), join(t, server, o)
		register(t, older.Redis, service("shop", node("a")))
		time.Sleep(time.Second)
		register(t, newer.Redis, service("shop", node("a")))
		time.Sleep(10 * time.Second) // a renewal finds it
		deregister(t, newer.Redis, service("shop"))
		time.Sleep(3 * time.Minute)
		wantLines(t, log, 1, `"message":"rollcall: another process has taken nodes over`)
		wantLines(t, log, 3, `"message":"rollcall: still: another process has taken nodes over`)
		wantLines(t, log, 3, `"count":1`)
		wantLines(t, log, 4, "held by 10.0.0.1:80")
		wantLines(t, log, 4, ", process 9")
		wantLines(t, log, 4, `"process":"9`)
		wantLines(t, log, 4, "restart this process (in Go, Deregister and then Register do the same)")
		wantLines(t, log, 4, `"since":"`)
		deregister(t, older.Redis, service("shop"))
		register(t, older.Redis, service("shop", node("a")))
		time.Sleep(3 * time.Minute)
		wantLines(t, log, 1, "this process has given up the nodes that were taken over")
		wantLines(t, log, 3, "rollcall: still: ")
		wantIDs(t, older.Redis, "shop", "/a")
	})
}

// Nodes that stay lost are logged once a minute, and once when they are back.
func TestNodesThatStayLostAreLoggedOnceAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server, o := redistest.Synctest(t)
		log := &logBuffer{}
		b := join(t, server, o, warnings(log))
		register(t, b.Redis, fleet("shop", 7))
		b.link.set(true)
		time.Sleep(4*time.Minute + 30*time.Second)
		wantLines(t, log, 1, `"message":"rollcall: nodes are lost`)
		wantLines(t, log, 4, `"message":"rollcall: still: nodes are lost`)
		wantLines(t, log, 4, `"count":7`)
		wantLines(t, log, 5, "and 2 more")
		b.link.set(false)
		time.Sleep(time.Minute)
		wantLines(t, log, 1, "no node is lost any more")
		wantLines(t, log, 4, `"message":"rollcall: still: nodes are lost`)
	})
}

// A service that leaves during an outage does not keep it from ending.
func TestAServiceThatLeavesDuringAnOutageDoesNotProlongIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server, o := redistest.Synctest(t)
		log := &logBuffer{}
		b := join(t, server, o, warnings(log))
		register(t, b.Redis, service("shop", node("a")))
		register(t, b.Redis, service("cart", node("a")))
		b.link.set(true)
		time.Sleep(time.Minute)
		wantErr(t, b.Deregister(context.Background(), service("cart")), registry.ErrUnavailable)
		time.Sleep(time.Minute) // its deregistration is not tried any more
		b.link.set(false)
		time.Sleep(time.Minute)
		wantLines(t, log, 1, "contact with redis is lost")
		wantLines(t, log, 1, "contact with redis is back")

		b.link.set(true)
		time.Sleep(time.Minute)
		wantErr(t, b.Deregister(context.Background(), service("shop")), registry.ErrUnavailable)
		time.Sleep(3 * time.Minute)
		wantLines(t, log, 1, "redis is not tried any more")
		before := log.String()
		time.Sleep(10 * time.Minute)
		if log.String() != before {
			t.Errorf("more lines though nothing is registered:\n%s", strings.TrimPrefix(log.String(), before))
		}
	})
}

// A Register that goes on in the background because Redis was never there is one line,
// which does not speak of a loss.
func TestRegisterRetryWithoutContactIsOneLine(t *testing.T) {
	t.Parallel()
	log := &logBuffer{}
	r := registry.NewRegistry(registry.Addrs("127.0.0.1:1"), registry.Timeout(time.Second), warnings(log))
	register(t, r, service("shop", node("a")), registry.RegisterRetry())
	register(t, r, service("cart", node("a")), registry.RegisterRetry())
	_ = r.Close(t.Context())
	wantLines(t, log, 1, "\n")
	wantLines(t, log, 1, "no contact with redis yet; trying again")
}

// A bad value in Redis is not logged each time that it is read, and its end is
// one.
func TestABadValueInRedisIsNotLoggedAtEachRead(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	log := &logBuffer{}
	r := open(t, at(server), warnings(log), renewRarely)
	register(t, r, service("shop", node("a")))
	client, ctx, k := server.Client(), t.Context(), space(t).Service("default", "shop")
	index := client.ZRangeWithScores(ctx, k.Index(), 0, 0).Val()[0]
	foreign := index
	foreign.Member = "%zz"
	bad := index
	bad.Member = "b"
	if err := errors.Join(
		client.ZAdd(ctx, space(t).Services("default"), foreign).Err(),
		client.ZAdd(ctx, k.Index(), foreign, bad).Err(),
		client.HSet(ctx, k.Node("b"), "data", "no record").Err(),
	); err != nil {
		t.Fatal(err)
	}
	read := func() {
		for range 20 {
			wantIDs(t, r, "shop", "/a")
			if _, err := r.ListServices(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
	read()
	if err := errors.Join(
		client.ZRem(ctx, space(t).Services("default"), "%zz").Err(), client.ZRem(ctx, k.Index(), "%zz", "b").Err(), client.Del(ctx, k.Node("b")).Err(),
	); err != nil {
		t.Fatal(err)
	}
	read()
	read()
	eventually(t, patience, func() error {
		if log.count("all records of nodes can be read") != 1 || log.count("no list holds foreign entries any more") != 1 {
			return errors.New("the end is not logged once")
		}
		return nil
	})
	wantLines(t, log, 1, "holds foreign entries, and they are left out")
	wantLines(t, log, 1, "records of nodes cannot be read")
}

// Refusals that hold for many services, or that come again with each change, are one line.
func TestRefusalsOfTheSameKindAreOneLine(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	rights := func(channels string) {
		do(t, server, "ACL", "SETUSER", "bob", "on", ">secret", "~*", "+@all", "resetchannels", channels)
	}
	rights("&none")
	log := &logBuffer{}
	r := open(t, at(server), warnings(log), renewRarely, registry.Username("bob"), registry.Password("secret"), registry.PollInterval(100*time.Millisecond))
	for i := range 20 {
		n := node("a")
		n.Zone = fmt.Sprint(i)
		register(t, r, service("shop", n))
		f, err := r.Follow(fmt.Sprint("s", i))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Stop()
		if _, err = f.Next(t.Context()); !errors.Is(err, registry.ErrPermission) {
			t.Errorf("Next: %v", err)
		}
	}
	rights("&*")
	eventually(t, patience, func() error {
		if log.count("no subscription is refused any more") != 1 {
			return errors.New("the end is not logged once")
		}
		return nil
	})
	wantLines(t, log, 1, "its event was refused")
	wantLines(t, log, 1, "a subscription was refused")
}

// A watch that Redis refused, and that has ended, is no trouble any more: neither that of
// a service nor that of a namespace.
func TestTheEndOfARefusedWatchEndsItsTrouble(t *testing.T) {
	t.Parallel()
	for name, what := range map[string]registry.WatchOption{
		"of a service":   registry.WatchService("shop"),
		"of a namespace": registry.WatchNamespace("default"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			do(t, server, "ACL", "SETUSER", "bob", "on", ">secret", "~*", "+@all", "resetchannels")
			log := &logBuffer{}
			r := open(t, at(server), warnings(log), registry.Username("bob"), registry.Password("secret"))
			_, err := r.Watch(t.Context(), what)
			wantErr(t, err, registry.ErrPermission)
			eventually(t, patience, func() error {
				if log.count("no subscription is refused any more") != 1 {
					return errors.New("the end is not logged once")
				}
				return nil
			})
			wantLines(t, log, 1, "a subscription was refused")
		})
	}
}
