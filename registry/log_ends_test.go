package registry_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// A service of two batches, one of which cannot be renewed, is one trouble: the other
// one's renewals do not end it.
func TestTwoBatchesOfAServiceAreOneTrouble(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	log, renewed := &logBuffer{}, make(chan struct{}, 1)
	r := registry.NewRegistry(registry.Addrs(server.Addr()), registry.Prefix(prefix(t)), warnings(log), registry.Observe(func(e registry.Event) {
		if e, round := e.(registry.RenewEvent); round && e.Err == nil && e.Nodes > 0 {
			select {
			case renewed <- struct{}{}:
			default:
			}
		}
	}))
	t.Cleanup(func() { _ = r.Close(context.Background()) }) // a foreign value blocks it
	register(t, r, service("shop", node("a")), registry.RegisterInterval(200*time.Millisecond))
	register(t, r, service("shop", node("b")), registry.RegisterInterval(300*time.Millisecond))
	foreign := space(t).Service("default", "shop").Node("b")
	if err := errors.Join(server.Client().Del(t.Context(), foreign).Err(), server.Client().Set(t.Context(), foreign, "x", 0).Err()); err != nil {
		t.Fatal(err)
	}
	wantLog(t, log, "leases are not renewed: what redis")
	for range 5 {
		<-renewed // of a
	}
	if n := log.count("leases are not renewed: what redis"); n != 1 || log.count("leases are renewed again") > 0 {
		t.Errorf("%d lines of the failure, and of an end:\n%s", n, log)
	}
}

// The event of the last deregistration of a service is one that may be refused, too.
func TestARefusedEventOfTheLastNodeIsLogged(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	log := &logBuffer{}
	do(t, server, "ACL", "SETUSER", "bob", "on", ">secret", "~*", "+@all", "resetchannels", "&*")
	r := open(t, at(server), warnings(log), renewRarely, registry.Username("bob"), registry.Password("secret"))
	register(t, r, service("shop", node("a")))
	do(t, server, "ACL", "SETUSER", "bob", "resetchannels")
	deregister(t, r, service("shop"))
	wantLog(t, log, "its event was refused")
}

// Foreign entries are no trouble any more once their list is empty.
func TestForeignEntriesEndWithTheirList(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	log := &logBuffer{}
	r := open(t, at(server), warnings(log), renewRarely)
	register(t, r, service("shop", node("a")))
	index := space(t).Service("default", "shop").Index()
	later := float64(time.Now().Add(time.Hour).UnixMilli())
	if err := server.Client().ZAdd(t.Context(), index, redis.Z{Score: later, Member: "%zz"}).Err(); err != nil {
		t.Fatal(err)
	}
	get(t, r, "shop")
	wantLog(t, log, "holds foreign entries")
	if err := server.Client().ZRem(t.Context(), index, "%zz").Err(); err != nil {
		t.Fatal(err)
	}
	deregister(t, r, service("shop"))
	if _, err := r.GetService(t.Context(), "shop"); !errors.Is(err, registry.ErrNotFound) {
		t.Fatal(err)
	}
	wantLog(t, log, "no list holds foreign entries any more")
}

// A registry that Redis has answered loses contact: it is not without contact "yet".
func TestAnOutageAfterInitIsALoss(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	proxy := redistest.StartProxy(t, server.Addr())
	log := &logBuffer{}
	r := registry.NewRegistry(registry.Addrs(proxy.Addr()), registry.Timeout(time.Second), warnings(log))
	t.Cleanup(func() { _ = r.Close(context.Background()) })
	if err := r.Init(); err != nil {
		t.Fatal(err)
	}
	proxy.Cut()
	register(t, r, service("shop", node("a")), registry.RegisterRetry())
	wantLog(t, log, "contact with redis is lost")
}

// A service that is deregistered in an outage is part of it until that is delivered or
// its lease has ended: it begins no second outage.
func TestADeregistrationBeginsNoSecondOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := &logBuffer{}
		server, o := redistest.Synctest(t)
		b := join(t, server, o, warnings(log))
		register(b.t, b.Redis, service("shop", node("a")))
		time.Sleep(35 * time.Second)
		b.link.set(true)
		time.Sleep(12 * time.Second)
		if err := b.Deregister(context.Background(), service("shop")); !errors.Is(err, registry.ErrUnavailable) {
			b.t.Errorf("Deregister in an outage: %v", err)
		}
		time.Sleep(30 * time.Second) // the lease has ended
		if n := log.count("contact with redis is lost"); n != 1 {
			b.t.Errorf("%d outages:\n%s", n, log)
		}
	})
}
