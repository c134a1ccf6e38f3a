package registry_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/lua"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// registerSilently registers a node as a process would whose events are lost: on the channel
// of another database.
func (b rawService) registerSilently(id string) {
	b.t.Helper()
	target := b.target()
	target.DB = 9
	b.do(lua.Register(b.t.Context(), b.client, lua.RegisterCall{Target: target, Nodes: []lua.Registration{{
		Lease: lua.Lease{ID: id, Token: b.newLease(), Seq: 1, TTL: time.Hour}, Data: []byte(`{"v":1,"address":"10.0.0.1:80"}`),
	}}}))
}

// leave makes services that had one node each, which left. It returns their names.
func leave(t *testing.T, client redis.UniversalClient, count int) (names []string) {
	t.Helper()
	space := space(t)
	calls := make([]lua.RegisterCall, count)
	deregisters := make([]lua.DeregisterCall, count)
	entries := lua.AnnounceCall{Key: space.Services(""), Forget: time.Hour}
	now := client.Time(t.Context()).Val()
	for i := range count {
		name := fmt.Sprint("gone", i)
		names, entries.Members = append(names, name), append(entries.Members, keys.ServiceMember(name, ""))
		b := rawService{t, client, space.Service("", name)}
		lease := lua.Lease{ID: "a", Token: fmt.Sprintf("%d-0123456789ab", now.UnixMicro()), Seq: 1, TTL: time.Minute}
		calls[i] = lua.RegisterCall{Target: b.target(), Nodes: []lua.Registration{{Lease: lease, Data: []byte(`{"v":1,"address":"10.0.0.1:80"}`)}}}
		deregisters[i] = lua.DeregisterCall{Target: b.target(), Act: lua.Act{By: lua.Self}, Nodes: []lua.Lease{lease}}
	}
	err := lua.Announce(t.Context(), client, entries, lua.AnnounceCall{Key: space.Namespaces(), Members: []string{keys.NamespaceMember("")}, Forget: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range append(lua.Register(t.Context(), client, calls...), lua.Deregister(t.Context(), client, deregisters...)...) {
		if r.Err != nil || r.Codes[0] != lua.Done {
			t.Fatalf("%+v", r)
		}
	}
	return names
}

// commands counts what all masters have executed for clients.
func commands(t *testing.T, client redis.UniversalClient) (total int) {
	t.Helper()
	counts := make(chan int, 100)
	count := func(ctx context.Context, c *redis.Client) error {
		stats, err := c.InfoMap(ctx, "commandstats").Result()
		sum := 0
		for command, line := range stats["Commandstats"] {
			var n int
			if _, err := fmt.Sscanf(line, "calls=%d", &n); err != nil {
				return fmt.Errorf("%s: %q: %w", command, line, err)
			}
			sum += n
		}
		counts <- sum
		return err
	}
	var err error
	if c, ok := client.(*redis.ClusterClient); ok {
		err = c.ForEachMaster(t.Context(), count)
	} else {
		err = count(t.Context(), client.(*redis.Client))
	}
	if err != nil {
		t.Fatal(err)
	}
	close(counts)
	for n := range counts {
		total += n
	}
	return total
}

// A watch of all services costs nothing to speak of for names without nodes, and
// finds each that comes back: also where its events are lost.
func TestWatchAllOfManyNamesWithoutNodes(t *testing.T) {
	for _, tp := range []redistest.Topology{
		{Name: "standalone", Addrs: []string{redistest.Start(t).Addr()}},
		{Name: "cluster", Addrs: redistest.StartCluster(t).Addrs(), Cluster: true},
	} {
		t.Run(tp.Name, func(t *testing.T) {
			client := tp.NewClient(t)
			names := leave(t, client, 3000)
			r, reader := open(t, tp), open(t, tp)
			a := watch(t, reader)
			register(t, r, service(names[0], node("first")))
			a.expect("create /first") // so the node is registered
			deregister(t, r, service(names[0]))
			a.expect("delete /first")

			const most = 50 // a second
			before, began := commands(t, client), time.Now()
			window := time.NewTimer(5 * time.Second)
			<-window.C
			sent, took := commands(t, client)-before, time.Since(began)
			t.Logf("%d commands in %v", sent, took)
			if sent > int(most*took.Seconds()) {
				t.Errorf("%d commands in %v for names without nodes, want %d a second at most", sent, took, most)
			}

			for i, name := range []string{names[0], names[1], names[2999]} {
				register(t, r, service(name, node("back")))
				a.expect("create /back")
				if i == 1 {
					deregister(t, r, service(name))
					a.expect("delete /back")
				}
			}
			silent := behind(t, tp, names[2])
			err := lua.Announce(t.Context(), client, lua.AnnounceCall{Key: space(t).Services(""), Members: []string{keys.ServiceMember(names[2], "")}, Forget: time.Hour})
			if err != nil {
				t.Fatal(err)
			}
			silent.registerSilently("silent")
			a.expect("create /silent")
		})
	}
}

// A service is followed for a while after its last node left, then let go, and found
// again: each node gives results, in one history that goes on.
func TestWatchAllLetsGoAndFindsAgain(t *testing.T) {
	tp := redistest.Topology{Addrs: []string{redistest.SharedStandalone(t).Addr()}}
	r, reader := open(t, tp, renewRarely), open(t, tp, registry.PollInterval(100*time.Millisecond), registry.VacantFor(100*time.Millisecond))
	a, more := watch(t, reader), watch(t, reader, registry.WatchService("shop"), registry.WatchNamespace("*"))
	named, _ := watch(t, reader, registry.WatchService("desk")), follow(t, reader, "desk")
	shop, desk := behind(t, tp, "shop"), behind(t, tp, "desk")
	for range 5 {
		for _, name := range []string{"shop", "desk"} {
			register(t, r, service(name, node("a"), node("b")))
			a.expectAll("create /a", "create /b")
			deregister(t, r, service(name, node("a")))
			deregister(t, r, service(name, node("b")))
			a.expect("delete /a", "delete /b")
		}
		eventually(t, patience, shop.subscribed)
		if desk.subscribed() == nil {
			t.Error("a service that is watched by its name is let go")
		}
	}
	for _, recorder := range []*recorder{more, named} {
		for range 5 {
			recorder.expectAll("create /a", "create /b")
			recorder.expect("delete /a", "delete /b")
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	histories := map[string]bool{}
	for _, res := range a.results { // whose revisions never went back, as a recorder checks
		histories[res.History] = true
	}
	if len(histories) != 2 {
		t.Errorf("%d histories of two services", len(histories))
	}
}

// A watch whose context is over, before or meanwhile, leaves nothing behind.
func TestWatchThatIsOverLeavesNothing(t *testing.T) {
	tp := redistest.Topology{Addrs: []string{redistest.SharedStandalone(t).Addr()}}
	r, client := open(t, tp), tp.NewClient(t)
	if err := r.Init(); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range 2000 {
		opts := []registry.WatchOption{registry.WatchService(fmt.Sprint("shop", i%50))}
		if i%3 == 0 {
			opts = nil
		}
		ctx, cancel := context.WithCancel(t.Context())
		if i%2 == 0 {
			cancel()
		} else {
			all.Go(cancel)
		}
		all.Go(func() {
			if w, err := r.Watch(ctx, opts...); err == nil { // it came before the end
				_, _ = w.Next()
			}
		})
		if i%100 == 0 {
			all.Go(func() {
				f, err := r.Follow("followed")
				if err != nil {
					t.Error(err)
					return
				}
				f.Stop() // while it is attached
			})
		}
	}
	all.Wait()
	eventually(t, patience, func() error {
		left, err := client.PubSubChannels(t.Context(), "*"+prefix(t)+"*").Result()
		patterns, perr := client.PubSubNumPat(t.Context()).Result()
		if len(left) > 0 || err != nil || perr != nil {
			return fmt.Errorf("%d channels and %d patterns are left: %v, %w", len(left), patterns, left, errors.Join(err, perr))
		}
		return nil
	})
}
