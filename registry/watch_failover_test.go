package registry_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// A fault ends a master.
type fault struct {
	name       string
	fail, mend func(*redistest.Server)
}

// failoverTTL outlasts a failover, and ends within healing: a write that the old
// master accepted as its last, and published, leaves the reader on a branch that is
// dead. What then goes on the living branch is held for a TTL.
const failoverTTL = 6 * time.Second

var masterFaults = []fault{
	{"killed", (*redistest.Server).Kill, func(s *redistest.Server) { s.Restart(false) }},
	{"paused", (*redistest.Server).Pause, (*redistest.Server).Resume},
}

// changesIn makes one change of each kind to a service of the nodes a, b and c,
// some of them behind the registrar's back, as soon as the new master takes them.
func changesIn(t *testing.T, r *registry.Redis, master *redistest.Server, name, round string) {
	t.Helper()
	b := rawService{t, master.Client(), space(t).Service("", name)}
	b.plant("gap-"+round, time.Minute, `{"address":"10.0.0.1:80","ttl":60000,"v":1}`)
	changed := node("a")
	changed.Zone = round
	eventually(t, patience, func() error { return r.Register(t.Context(), service(name, changed, node("new-"+round))) })
	eventually(t, patience, func() error { return r.Deregister(t.Context(), service(name, node("b"))) })
}

// After a failover writes and watches are back soon, and what changed meanwhile is
// reported as a difference.
func TestWatchOverSentinelFailover(t *testing.T) {
	t.Parallel()
	sentinel := redistest.StartSentinel(t)
	tp := redistest.Topology{Name: "sentinel", Addrs: sentinel.Addrs(), MasterName: sentinel.MasterName()}
	r := open(t, tp, registry.Timeout(3*time.Second), registry.TTL(failoverTTL))
	reader := open(t, tp, registry.Timeout(3*time.Second), registry.PollInterval(time.Second))
	a, all := watch(t, reader, registry.WatchService("shop")), watch(t, reader, registry.WatchNamespace("*"))
	want := []string{"/a", "/c"}
	byCommand := fault{"by command", func(*redistest.Server) { sentinel.Failover() }, func(*redistest.Server) {}}
	for _, f := range append([]fault{byCommand}, masterFaults...) {
		register(t, r, service("shop", node("a"), node("b"), node("c")))
		eventually(t, patience, func() error { return a.equals(t.Context(), r, "shop") })
		sentinel.WaitHealthy() // all of it has been replicated
		old := sentinel.Master()
		f.fail(old)
		if f.name != "by command" {
			sentinel.WaitFailover(old)
		}
		elected := time.Now()
		changesIn(t, r, sentinel.Master(), "shop", f.name)
		t.Logf("%s: written after %v", f.name, time.Since(elected).Round(time.Millisecond))
		want = append(want, "/gap-"+f.name, "/new-"+f.name)
		since(t, elected, healing, f.name+": watches healed", func() error {
			return errors.Join(a.shows(want...), all.shows(want...), a.equals(t.Context(), r, "shop"))
		})
		f.mend(old)
		sentinel.WaitHealthy()
	}
	for _, a := range []*recorder{a, all} {
		if got := a.deleted(); !slices.Equal(got, []string{"b"}) {
			t.Errorf("deleted: %v, want b only", got)
		}
	}
}

// When a master of a cluster dies, the same holds for its services, and those of
// other masters lose nothing.
func TestWatchOverClusterFailover(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t)
	tp := redistest.Topology{Name: "cluster", Addrs: cluster.Addrs(), Cluster: true}
	names := onEach(t, cluster)
	r := open(t, tp, registry.Timeout(3*time.Second), registry.TTL(failoverTTL))
	reader := open(t, tp, registry.Timeout(3*time.Second), registry.PollInterval(time.Second))
	var recorders []*recorder
	for _, name := range names {
		register(t, r, service(name, node("a"), node("b"), node("c")))
		recorders = append(recorders, watch(t, reader, registry.WatchService(name)))
	}
	want := []string{"/a", "/c"}
	for _, f := range masterFaults {
		for i, name := range names {
			register(t, r, service(name, node("a"), node("b"), node("c")))
			eventually(t, patience, func() error { return recorders[i].equals(t.Context(), r, name) })
		}
		cluster.WaitHealthy()
		old := cluster.MasterFor(space(t).Service("default", names[0]).Index())
		f.fail(old)
		cluster.WaitFailover(old)
		elected := time.Now()
		for _, name := range names {
			changesIn(t, r, cluster.MasterFor(space(t).Service("default", name).Index()), name, f.name)
		}
		t.Logf("%s: written after %v", f.name, time.Since(elected).Round(time.Millisecond))
		want = append(want, "/gap-"+f.name, "/new-"+f.name)
		for i, name := range names {
			since(t, elected, healing, fmt.Sprintf("%s: watch %d healed", f.name, i), func() error {
				return errors.Join(recorders[i].shows(want...), recorders[i].equals(t.Context(), r, name))
			})
		}
		f.mend(old)
		cluster.WaitHealthy()
	}
	for i, a := range recorders {
		if got := a.deleted(); !slices.Equal(got, []string{"b"}) {
			t.Errorf("watch %d deleted %v, want b only", i, got)
		}
	}
}

// A switch dials the server that it is set to, whatever the address: a name that
// is moved to another server.
type switched struct {
	to atomic.Pointer[redistest.Server]
}

func (s *switched) client(t *testing.T) *redis.Client {
	t.Helper()
	c := redis.NewClient(&redis.Options{
		Addr: "redis.test:6379", DialerRetries: 1, ContextTimeoutEnabled: true, DisableIdentity: true,
		Dialer: func(ctx context.Context, network, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, network, s.to.Load().Addr())
		},
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// A replica that lacks the newest changes is promoted, and goes on from where it
// was, with the same revisions again. Watches converge to what it has, and no
// live node is deleted.
func TestLaggingReplicaPromoted(t *testing.T) {
	t.Parallel()
	for _, moved := range []int{0, 1, 3, 8} { // changes on the new master before the watcher looks
		t.Run(fmt.Sprint("moved on by ", moved), func(t *testing.T) {
			t.Parallel()
			const ttl, interval, poll = 5 * time.Second, 500 * time.Millisecond, 500 * time.Millisecond
			master, replica := redistest.Start(t), redistest.Start(t)
			var name switched
			name.to.Store(master)
			r := open(t, at(master), registry.Client(name.client(t)), registry.TTL(ttl), registry.Interval(interval))
			reader := open(t, at(master), registry.Client(name.client(t)), registry.PollInterval(poll))
			a := watch(t, reader, registry.WatchService("shop"))
			register(t, r, service("shop", node("a"), node("b"), node("c")))
			replicate(t, replica, master)
			if err := replica.Client().ReplicaOf(t.Context(), "NO", "ONE").Err(); err != nil { // it falls behind
				t.Fatal(err)
			}
			changed := node("a")
			changed.Zone = "changed"
			register(t, r, service("shop", changed, node("lost-1"), node("lost-2")))
			deregister(t, r, service("shop", node("b"))) // which the replica has still
			eventually(t, patience, func() error { return a.shows("/a", "/c", "/lost-1", "/lost-2") })

			want := []string{"/a", "/c", "/lost-1", "/lost-2"}
			b := rawService{t, replica.Client(), space(t).Service("", "shop")}
			for i := range moved {
				id := fmt.Sprint("moved-", i)
				b.plant(id, time.Minute, `{"address":"10.0.0.1:80","ttl":60000,"v":1}`)
				want = append(want, "/"+id)
			}
			name.to.Store(replica)
			master.Kill()
			promoted := time.Now()
			since(t, promoted, poll+interval+2*time.Second, "what the replica has is reported", func() error { return a.shows(append(want, "/b")...) })
			since(t, promoted, ttl+2*time.Second, "and what ran out there", func() error {
				return errors.Join(a.shows(want...), a.equals(t.Context(), r, "shop"))
			})
			if got := a.deleted(); !slices.Equal(got, []string{"b"}) {
				t.Errorf("deleted: %v, want b only", got)
			}
		})
	}
}

// The master has moved, ordinary connections with it, and the subscription stays
// where it was: it answers pings, and brings nothing any more. Polls find out.
func TestSubscriptionLeftBehind(t *testing.T) {
	t.Parallel()
	const poll = 500 * time.Millisecond
	master, replica := redistest.Start(t), redistest.Start(t)
	var name switched
	name.to.Store(master)
	r := open(t, at(master), registry.Client(name.client(t)))
	reader := open(t, at(master), registry.Client(name.client(t)), registry.PollInterval(poll))
	a := watch(t, reader, registry.WatchService("shop"))
	register(t, r, service("shop", node("a")))
	a.expect("create /a")
	replicate(t, replica, master)
	if err := replica.Client().ReplicaOf(t.Context(), "NO", "ONE").Err(); err != nil {
		t.Fatal(err)
	}
	name.to.Store(replica)
	moved := time.Now()
	for _, c := range clients(t, master) {
		if c["sub"] == "0" && c["cmd"] != "client|list" {
			master.Client().ClientKillByFilter(t.Context(), "ID", c["id"])
		}
	}
	eventually(t, patience, func() error { return r.Register(t.Context(), service("shop", node("b"))) })
	since(t, moved, poll+time.Second, "what the subscription lost is reported", func() error { return a.shows("/a", "/b") })
	eventually(t, patience, func() error {
		if n := len(subscriptions(t, replica, "default")); n != 1 {
			return fmt.Errorf("%d subscriptions at the new master", n)
		}
		return nil
	})
	if n := len(subscriptions(t, master, "default")); n != 0 {
		t.Errorf("%d subscriptions are left at the old master", n)
	}
}

// replicate has replica follow master until it has all data.
func replicate(t *testing.T, replica, master *redistest.Server) {
	t.Helper()
	host, port, err := net.SplitHostPort(master.Addr())
	if err == nil {
		err = replica.Client().ReplicaOf(t.Context(), host, port).Err()
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := master.Client().Set(t.Context(), "replicated", "1", 0).Err(); err != nil {
		t.Fatal(err)
	}
	eventually(t, patience, func() error { return replica.Client().Get(t.Context(), "replicated").Err() })
}
