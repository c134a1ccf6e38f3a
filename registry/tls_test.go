package registry_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// asSystem runs a test in a process of its own, where the system trusts its authority:
// Go reads the system's roots once in a process, and a URL names no others.
func asSystem(t *testing.T, test func(*testing.T, *redistest.Authority)) {
	t.Helper()
	const inside = "ROLLCALL_TEST_ROOTS"
	if os.Getenv(inside) != "" {
		authority := redistest.NewAuthority(t)
		if err := os.Link(authority.File(), os.Getenv("SSL_CERT_FILE")); err != nil {
			t.Fatal(err)
		}
		test(t, authority)
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), inside+"=1", "SSL_CERT_FILE="+filepath.Join(t.TempDir(), "ca.crt"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// byName is a URL for a server's TLS port, by a name that only its certificate has.
func byName(t *testing.T, addr string) registry.Option {
	t.Helper()
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	return registry.URL("rediss://" + net.JoinHostPort("localhost", port))
}

// Each server of a cluster is checked against its own address, not against the name in
// the URL. 12 services spread over three masters.
func TestTLSOfACluster(t *testing.T) { asSystem(t, tlsOfACluster) }

func tlsOfACluster(t *testing.T, authority *redistest.Authority) {
	var servers []*redistest.Server
	var ports []string
	for i := range 3 {
		names := []string{"127.0.0.1"}
		if i == 0 {
			names = append(names, "localhost")
		}
		args, addr := authority.Args(names...)
		s := redistest.Start(t, append(args, "--cluster-enabled", "yes", "--tls-cluster", "yes")...)
		_, port, _ := net.SplitHostPort(addr)
		servers, ports = append(servers, s), append(ports, port)
	}
	for i, s := range servers {
		do(t, s, "CLUSTER", "SET-CONFIG-EPOCH", i+1)
		if err := s.Client().ClusterAddSlotsRange(t.Context(), i*16384/3, (i+1)*16384/3-1).Err(); err != nil {
			t.Fatal(err)
		}
		do(t, s, "CLUSTER", "MEET", "127.0.0.1", ports[0])
	}
	for _, s := range servers {
		eventually(t, patience, func() error {
			info, err := s.Client().ClusterInfo(t.Context()).Result()
			if err == nil && !strings.Contains(info, "cluster_state:ok") {
				err = fmt.Errorf("%s: %s", s.Addr(), info)
			}
			return err
		})
	}
	r := open(t, redistest.Topology{}, byName(t, "127.0.0.1:"+ports[0]), registry.Cluster(true))
	for i := range 12 {
		name := fmt.Sprintf("s%d", i)
		register(t, r, service(name, node("a")))
		wantIDs(t, r, name, "/a")
	}
}

// The master that a sentinel names is checked against its own address, and so are the
// sentinels.
func TestTLSOfSentinel(t *testing.T) { asSystem(t, tlsOfSentinel) }

func tlsOfSentinel(t *testing.T, authority *redistest.Authority) {
	args, master := authority.Args("127.0.0.1")
	redistest.Start(t, args...)
	_, port, _ := net.SplitHostPort(master)
	args, addr := authority.Args("localhost")
	sentinel := redistest.Start(t, append(args, "--sentinel", "--tls-replication", "yes")...)
	do(t, sentinel, "SENTINEL", "MONITOR", "main", "127.0.0.1", port, 1)

	r := open(t, redistest.Topology{}, byName(t, addr), registry.MasterName("main"))
	register(t, r, service("shop", node("a")))
	wantIDs(t, r, "shop", "/a")
}

// A configuration of the caller's is taken as it is, with its name.
func TestTLSConfigKeepsItsName(t *testing.T) {
	authority := redistest.NewAuthority(t)
	args, addr := authority.Args("redis.example")
	redistest.Start(t, args...)
	r := open(t, redistest.Topology{}, registry.URL("rediss://"+addr),
		registry.TLSConfig(&tls.Config{RootCAs: authority.Roots(), ServerName: "redis.example"}))
	register(t, r, service("shop", node("a")))
	wantIDs(t, r, "shop", "/a")
}

// A user that needs no password is still the user that Redis sees, wherever the name
// comes from.
func TestUserWithoutAPassword(t *testing.T) {
	server := redistest.Start(t)
	for _, user := range []string{"bob", "locked"} {
		do(t, server, "ACL", "SETUSER", user, "on", "nopass", "~*", "&*", "+@all")
	}
	do(t, server, "ACL", "SETUSER", "locked", "resetpass", ">secret")
	addr := registry.Addrs(server.Addr())
	asked := func(username string) registry.Option {
		return registry.CredentialsProvider(func() (string, string) { return username, "" })
	}
	for name, opts := range map[string][]registry.Option{
		"Username": {addr, registry.Username("bob")},
		"URL":      {registry.URL("redis://bob@" + server.Addr())},
		"URL, with an empty password and a database": {registry.URL("redis://bob:@" + server.Addr() + "/3")},
		"CredentialsProvider":                        {addr, asked("bob")},
	} {
		t.Run(name, func(t *testing.T) {
			r := open(t, redistest.Topology{}, opts...)
			register(t, r, service("shop", node("a")))
			client, err := r.Client()
			if err != nil {
				t.Fatal(err)
			}
			single := client.(*redis.Client)
			if who := single.Do(t.Context(), "ACL", "WHOAMI").Val(); who != "bob" {
				t.Errorf("logged in as %v", who)
			}
		})
	}
	// Where a password is needed after all, it is asked for.
	for name, opt := range map[string]registry.Option{"Username": registry.Username("locked"), "CredentialsProvider": asked("locked")} {
		t.Run(name+", but there is a password", func(t *testing.T) {
			wantErr(t, open(t, redistest.Topology{}, addr, opt).Init(), registry.ErrPermission)
		})
	}
}

// The user in the URL of sentinels is theirs, without a password too.
func TestSentinelUserWithoutAPassword(t *testing.T) {
	server := redistest.Start(t)
	do(t, server, "ACL", "SETUSER", "alice", "on", "nopass", "~*", "&*", "+@all")
	sentinel := redistest.Start(t, "--sentinel")
	_, port, _ := net.SplitHostPort(server.Addr())
	do(t, sentinel, "SENTINEL", "MONITOR", "main", "127.0.0.1", port, 1)
	do(t, sentinel, "ACL", "SETUSER", "bob", "on", "nopass", "~*", "&*", "+@all")
	r := open(t, redistest.Topology{}, registry.URL("redis://bob@"+sentinel.Addr()), registry.MasterName("main"), registry.Username("alice"))
	register(t, r, service("shop", node("a")))
	for who, at := range map[string]*redistest.Server{"user=alice ": server, "user=bob ": sentinel} {
		clients, err := at.Client().Do(t.Context(), "CLIENT", "LIST").Text()
		if err != nil || !strings.Contains(clients, who) {
			t.Errorf("%s is not logged in: %v\n%s", who, err, clients)
		}
	}
}
