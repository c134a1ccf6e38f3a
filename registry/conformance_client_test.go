package registry_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/lua"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

var connecting = []testCase{
	{"Init, or the first call, connects", initConnects},
	{"a client is shared, not closed", clientShared},
}

func initConnects(t *testing.T, tp redistest.Topology) {
	r, lazy := open(t, tp), open(t, tp)
	if err := r.Init(registry.Namespace("eu"), registry.TTL(20*time.Second)); err != nil {
		t.Fatal(err)
	}
	if err := r.Init(); err != nil {
		t.Errorf("Init again: %v", err)
	}
	wantErr(t, r.Init(registry.Namespace("us")), registry.ErrInvalid)
	register(t, r, service("shop", node("a")))
	wantErr(t, r.Init(registry.Namespace("us")), registry.ErrInvalid)
	if o := r.Options(); o.Namespace != "eu" || o.TTL != 20*time.Second {
		t.Errorf("options: namespace %q, TTL %v", o.Namespace, o.TTL)
	}
	if got := get(t, lazy, "shop", registry.GetNamespace("eu")); got[0].TTL != 20*time.Second {
		t.Errorf("found %+v", got[0])
	}
}

func clientShared(t *testing.T, tp redistest.Topology) {
	client := tp.NewClient(t)
	r := open(t, redistest.Topology{}, registry.Client(client))
	if err := r.Init(); err != nil {
		t.Fatal(err)
	}
	register(t, r, service("shop", node("a")))
	wantIDs(t, open(t, tp), "shop", "/a")
	b := behind(t, tp, "shop")
	b.extended("a", b.end("a"))
	if err := r.Close(t.Context()); err != nil {
		t.Errorf("Close: %v", err)
	}
	wantIDs(t, open(t, tp), "shop")
	if err := client.Ping(t.Context()).Err(); err != nil {
		t.Errorf("the caller's client after Close: %v", err)
	}
}

func TestURL(t *testing.T) {
	dir, err := os.MkdirTemp("", "rollcall") // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	server := redistest.Start(t, "--unixsocket", socket, "--requirepass", "secret")
	for name, url := range map[string]string{
		"tcp":    "redis://:secret@" + server.Addr() + "/3",
		"unix":   "unix://:secret@" + socket + "?db=3",
		"option": "redis://" + server.Addr(),
	} {
		t.Run(name, func(t *testing.T) {
			opts := []registry.Option{registry.URL(url)}
			if name == "option" {
				opts = append(opts, registry.Password("secret"), registry.DB(3))
			}
			r := open(t, redistest.Topology{}, opts...)
			register(t, r, service("shop", node("a")))
			wantIDs(t, r, "shop", "/a")
			if db := r.Options().DB; db != 3 || !strings.Contains(r.String(), "database 3") {
				t.Errorf("%s has database %d in its options", r, db)
			}

			o := *server.Client().Options()
			o.Password, o.DB = "secret", 3
			client := redis.NewClient(&o)
			defer client.Close()
			if n := client.Exists(t.Context(), space(t).Service("", "shop").Node("a")).Val(); n != 1 {
				t.Error("the node is not in database 3")
			}
		})
	}
}

// Databases of one server are apart, in what they hold and in what they publish.
func TestDatabases(t *testing.T) {
	addr := redistest.SharedStandalone(t).Addr()
	tp := redistest.Topology{Addrs: []string{addr}}
	client := redis.NewClient(&redis.Options{Addr: addr, DB: 5})
	t.Cleanup(func() { _ = client.Close() })
	zero, three, five := open(t, tp), open(t, tp, registry.DB(3)), open(t, tp, registry.Client(client))

	k := space(t).Service("", "shop")
	channels := map[string]string{k.Events(0): "zero", k.Events(3): "three", k.Events(5): "five"}
	sub := tp.NewClient(t).Subscribe(t.Context(), k.Events(0), k.Events(3), k.Events(5))
	defer sub.Close()
	for range channels {
		if _, err := sub.Receive(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	events := sub.Channel()
	for want, r := range map[string]*registry.Redis{"zero": zero, "three": three, "five": five} {
		register(t, r, service("shop", node(want)))
		select {
		case m := <-events:
			if got := channels[m.Channel]; got != want {
				t.Errorf("a change in database %s was published in %s", want, got)
			}
		case <-time.After(patience):
			t.Fatalf("no event of database %s", want)
		}
	}
	wantIDs(t, zero, "shop", "/zero")
	wantIDs(t, three, "shop", "/three")
	wantIDs(t, five, "shop", "/five")
	if db := five.Options().DB; db != 5 {
		t.Errorf("the options have database %d, the client of 5", db)
	}
}

// Clients that read from replicas, or that spread keys over servers, cannot hold
// a registry.
func TestClientRefused(t *testing.T) {
	addrs := []string{"127.0.0.1:1"}
	for name, client := range map[string]redis.UniversalClient{
		"ReadOnly":       redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs, ReadOnly: true}),
		"RouteByLatency": redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs, RouteByLatency: true}),
		"RouteRandomly":  redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs, RouteRandomly: true}),
		"Ring":           redis.NewRing(&redis.RingOptions{Addrs: map[string]string{"a": addrs[0]}}),
	} {
		t.Run(name, func(t *testing.T) {
			defer client.Close()
			r := registry.NewRegistry(registry.Client(client))
			wantErr(t, r.Init(), registry.ErrInvalid)
			wantErr(t, r.Register(t.Context(), service("shop", node("a"))), registry.ErrInvalid)
			if err := r.Close(t.Context()); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
	}
	r := registry.NewRegistry(registry.URL("redis://127.0.0.1:1?read_only=true"), registry.Cluster(true))
	wantErr(t, r.Init(), registry.ErrInvalid)
}

func TestInitUnavailable(t *testing.T) {
	server := redistest.Start(t)
	server.Kill()
	r := open(t, redistest.Topology{Addrs: []string{server.Addr()}}, registry.Timeout(2*time.Second))
	wantErr(t, r.Init(), registry.ErrUnavailable)
	_, err := r.GetService(t.Context(), "shop")
	wantErr(t, err, registry.ErrUnavailable)
	server.Restart(false)
	eventually(t, patience, func() error { return r.Init() })
	register(t, r, service("shop", node("a")))
	wantIDs(t, r, "shop", "/a")
}

// An index over 20,000 nodes is scanned, and beyond 500 nodes come in pages.
func TestLargeIndex(t *testing.T) {
	const count = 20_050
	tp := redistest.Topology{Addrs: []string{redistest.SharedStandalone(t).Addr()}}
	b := behind(t, tp, "shop")
	want := map[string]bool{}
	lease := b.newLease()
	var calls []lua.RegisterCall
	for first := 0; first < count; first += lua.MaxNodes {
		call := lua.RegisterCall{Target: b.target()}
		for i := first; i < min(first+lua.MaxNodes, count); i++ {
			id := fmt.Sprintf("n/%d", i)
			want[id] = true
			call.Nodes = append(call.Nodes, lua.Registration{
				Lease: lua.Lease{ID: id, Token: lease, Seq: 1, TTL: time.Minute}, Data: []byte(`{"v":1,"address":"10.0.0.1:80"}`),
			})
		}
		calls = append(calls, call)
	}
	for _, res := range lua.Register(t.Context(), b.client, calls...) {
		b.do([]lua.Result{res})
	}
	if n := b.client.ZCard(t.Context(), b.keys.Index()).Val(); n != count {
		t.Fatalf("%d nodes in the index", n)
	}
	r := open(t, tp)
	register(t, r, versioned("", "small", "", "a"))
	nodes := get(t, r, "shop")[0].Nodes
	for _, n := range nodes {
		if !want[n.ID] {
			t.Errorf("%s was found, twice or out of nowhere", n.ID)
		}
		delete(want, n.ID)
	}
	if len(want) > 0 {
		t.Errorf("%d of %d nodes were not found", len(want), count)
	}
	b.add(space(t).Services(""), keys.ServiceMember("shop", ""))
	wantList(t, r, "", "default/shop/", "default/small/")
}

// A credentials provider is asked for every connection; its user is the one that
// Redis sees.
func TestCredentialsProvider(t *testing.T) {
	server := redistest.Start(t, "--requirepass", "secret")
	tp := redistest.Topology{Addrs: []string{server.Addr()}}
	password := "wrong"
	provider := registry.CredentialsProvider(func() (string, string) { return "default", password })
	wrong := open(t, tp, provider)
	wantErr(t, wrong.Init(), registry.ErrPermission)
	password = "secret"
	r := open(t, tp, provider)
	register(t, r, service("shop", node("a")))
	wantIDs(t, r, "shop", "/a")
}
