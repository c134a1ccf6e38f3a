package registry_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// watcherRights are all that a Watch of the service shop needs. In a cluster it
// also needs cluster|slots or cluster|shards.
func watcherRights(prefix string) []string {
	return []string{
		"%R~" + prefix + ":{default/shop}:*", "&" + prefix + ":{default/shop}:events:0",
		"+subscribe", "+multi", "+exec", "+time", "+get", "+hmget", "+hscan", "+zcard", "+zrange", "+lrange",
		"+zmscore",              // a reader without it cannot see which nodes have crashed
		"+ping", "+unsubscribe", // what misses them is not refused, but connects anew all the time
	}
}

// namespaceRights are what the Watch of a namespace needs on top, and the right
// to all of its services.
func namespaceRights(prefix string) []string {
	return []string{
		"&" + prefix + ":{default/*}:events:0", "%R~" + prefix + ":{default}:services",
		"+psubscribe", "+punsubscribe",
	}
}

// subscriptions returns the connections of a user that have subscribed.
func subscriptions(t *testing.T, s *redistest.Server, user string) (ids []string) {
	t.Helper()
	for _, c := range clients(t, s) {
		if c["user"] == user && (c["sub"] != "0" || c["psub"] != "0") {
			ids = append(ids, c["id"])
		}
	}
	return ids
}

func TestWatcherRights(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	t.Run("suffice", func(t *testing.T) {
		t.Parallel()
		const ttl = time.Second
		b := behind(t, at(server), "shop")
		crashing := b.manualNode("crashing", ttl)
		crashing.renew()
		a := watch(t, user(t, server, watcherRights(prefix(t))), registry.WatchService("shop"))
		a.expect("create /crashing")
		b.override("crashing", `{"weight":3}`)
		a.expect("update /crashing")
		crashing.settled(ttl)
		a.expect("delete /crashing") // found by the reader itself
		for i := range 50 {          // also where so many others have ended
			b.client.ZAdd(t.Context(), b.keys.Index(), redis.Z{Score: 1, Member: fmt.Sprint(i)})
		}
		crashing.renew()
		a.expect("create /crashing", "delete /crashing")
	})
	for i, right := range watcherRights("") {
		if slices.Contains([]string{"+zmscore", "+ping", "+unsubscribe"}, right) {
			continue
		}
		t.Run("all but "+right, func(t *testing.T) {
			t.Parallel()
			rights := watcherRights(prefix(t))
			r := user(t, server, slices.Delete(rights, i, i+1))
			register(t, open(t, at(server)), service("shop", node("a")))
			began := time.Now()
			_, err := r.Watch(t.Context(), registry.WatchService("shop"))
			wantErr(t, err, registry.ErrPermission)
			bounded(t, began, 0, "Watch that is refused")
		})
	}
	t.Run("all but the command that finds crashed nodes", func(t *testing.T) {
		t.Parallel()
		b := behind(t, at(server), "shop")
		crashing := b.manualNode("crashing", time.Second)
		crashing.renew()
		rights := slices.DeleteFunc(watcherRights(prefix(t)), func(r string) bool { return r == "+zmscore" })
		f := follow(t, user(t, server, rights), "shop")
		v := untilView(t, f, func(v *registry.View) bool { return v.Err != nil })
		if !errors.Is(v.Err, registry.ErrPermission) || shown(v) != "/crashing " || v.StaleSince.IsZero() {
			t.Errorf("a view that cannot be right: %q, stale since %v: %v", shown(v), v.StaleSince, v.Err)
		}
		b.manualNode("crashing", time.Minute).renew() // now there is nothing to look for
		untilView(t, f, func(v *registry.View) bool { return v.Err == nil && shown(v) == "/crashing " })
	})
	t.Run("of a namespace", func(t *testing.T) {
		t.Parallel()
		rights := append(watcherRights(prefix(t)), namespaceRights(prefix(t))...)
		register(t, open(t, at(server)), service("shop", node("a")))
		watch(t, user(t, server, rights), registry.WatchNamespace("default")).expect("create /a")
	})
	for i, right := range namespaceRights("") {
		if right == "+punsubscribe" {
			continue
		}
		t.Run("of a namespace all but "+right, func(t *testing.T) {
			t.Parallel()
			rights := append(watcherRights(prefix(t)), slices.Delete(namespaceRights(prefix(t)), i, i+1)...)
			began := time.Now()
			_, err := user(t, server, rights).Watch(t.Context(), registry.WatchNamespace("default"))
			wantErr(t, err, registry.ErrPermission)
			bounded(t, began, 0, "Watch that is refused")
		})
	}
	t.Run("wrong password", func(t *testing.T) {
		t.Parallel()
		r := open(t, at(server), registry.Username("nobody"), registry.Password("secret"))
		_, err := r.Watch(t.Context(), registry.WatchService("shop"))
		wantErr(t, err, registry.ErrPermission)
	})
}

// One refused channel disturbs no other watch on the same connection: neither at
// once nor when polls show what it does not bring.
func TestRefusedChannelDisturbsNobody(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	rights := append(watcherRights(prefix(t)), "%R~"+prefix(t)+":{default/desk}:*")
	reader := user(t, server, rights, registry.PollInterval(100*time.Millisecond))
	r := open(t, at(server))
	a := watch(t, reader, registry.WatchService("shop"))
	before := subscriptions(t, server, prefix(t))
	f, err := reader.Follow("desk")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Stop()
	for i, id := range []string{"a", "b", "c"} {
		_, err := reader.Watch(t.Context(), registry.WatchService("desk"))
		wantErr(t, err, registry.ErrPermission)
		register(t, r, service("shop", node(id)))
		register(t, r, service("desk", node(id)))
		a.expect("create /" + id)
		desk, shop := storedServiceOf(t, server.Client(), "desk"), storedServiceOf(t, server.Client(), "shop")
		for began := time.Now(); time.Since(began) < 700*time.Millisecond; { // time for polls and for the wait before a snapshot
			if _, rev := shop.version(); rev < i+1 {
				t.Fatal("lost")
			}
			_, _ = desk.version()
		}
	}
	if after := subscriptions(t, server, prefix(t)); len(before) != 1 || !slices.Equal(before, after) {
		t.Errorf("the subscription was connection %v and is %v", before, after)
	}
}

// Rights that are taken away while it runs silence a watch, and no other; with
// the rights the exact state comes back.
func TestWatcherRightsComeAndGo(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	mine := append(watcherRights(prefix(t)), "%R~"+prefix(t)+":{default/desk}:*")
	desk := "&" + prefix(t) + ":{default/desk}:events:0"
	reader := user(t, server, append(mine, desk), registry.PollInterval(2*time.Second)) // a silence that a busy machine does not make
	r := open(t, at(server))
	shopper, clerk := watch(t, reader, registry.WatchService("shop")), watch(t, reader, registry.WatchService("desk"))
	register(t, r, service("shop", node("a")))
	register(t, r, service("desk", node("a")))
	shopper.expect("create /a")
	clerk.expect("create /a")

	user(t, server, mine) // the same user
	eventually(t, patience, func() error {
		register(t, r, service("desk", node("b")))
		register(t, r, service("shop", node("b")))
		_, err := reader.Watch(t.Context(), registry.WatchService("desk"))
		if !errors.Is(err, registry.ErrPermission) {
			return errors.New("desk can still be watched")
		}
		return nil
	})
	shopper.expect("create /b")
	before := subscriptions(t, server, prefix(t))
	pace := time.NewTicker(50 * time.Millisecond)
	defer pace.Stop()
	for i := range 100 { // polls see what it does not bring
		<-pace.C
		n := node("a")
		n.Zone = fmt.Sprint(i)
		register(t, r, service("desk", n))
	}
	deregister(t, r, service("shop", node("a")))
	deregister(t, r, service("desk", node("a")))
	shopper.expect("delete /a")
	if after := subscriptions(t, server, prefix(t)); len(before) != 1 || !slices.Equal(before, after) {
		t.Errorf("the subscription was connection %v and is %v", before, after)
	}

	user(t, server, append(mine, desk))
	within(t, 2*time.Second, "the rights are back", func() error { return clerk.shows("/b") })
	register(t, r, service("desk", node("c")))
	within(t, 0, "a change is reported", func() error { return clerk.shows("/b", "/c") })
}
