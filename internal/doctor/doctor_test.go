package doctor

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/acl"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// wellOr wants nothing but what the version of the server is to blame for.
func wellOr(t *testing.T, s *redistest.Server, findings []Finding, check string, level Level, words string) {
	t.Helper()
	if !s.CanReadOnly() {
		has(t, findings, "version", Warn, "not to write it")
		for i := range findings {
			if findings[i].Check == "version" {
				findings[i].Level = OK
			}
		}
	}
	if check == "" {
		for _, f := range findings {
			if f.Level != OK {
				t.Errorf("it is well, and doctor says %+v", f)
			}
		}
		return
	}
	only(t, findings, check, level, words)
}

func TestAHealthyRedis(t *testing.T) {
	s := start(t)
	register(t, open(t, s.Addr()), "shop")
	findings := examine(t, open(t, s.Addr()), Options{Roles: acl.Roles})
	wellOr(t, s, findings, "", "", "")
	for _, c := range append([]check{{name: "clock"}, {name: "renewals"}, {name: "overrides"}, {name: "foreign keys"}, {name: "rights: operator"}}, checks...) {
		has(t, findings, c.name, OK, "")
	}
	if Failed(findings) {
		t.Error("it is well, and failed")
	}
}

// A faultOfServer is one that the settings or the state of a server plant.
type faultOfServer struct {
	name  string
	plant func(t *testing.T, s *redistest.Server)

	check string
	level Level
	words string
}

func set(name, value string) func(*testing.T, *redistest.Server) {
	return func(_ *testing.T, s *redistest.Server) { s.SetConfig(name, value) }
}

var faultsOfServers = []faultOfServer{
	{"nothing is saved", set("appendonly", "no"), "persistence", Warn, "overrides, manual nodes"},
	{"a failed save stops writes", func(t *testing.T, s *redistest.Server) {
		s.SetConfig("stop-writes-on-bgsave-error", "yes")
		s.SetConfig("save", "3600 1")
	}, "stop-writes-on-bgsave-error", Warn, "stops all renewals"},
	{"it evicts", set("maxmemory-policy", "volatile-lru"), "eviction", Fail, "volatile-lru: at maxmemory"},
	{"it would evict", func(t *testing.T, s *redistest.Server) {
		s.SetConfig("maxmemory-policy", "allkeys-lru")
		s.SetConfig("maxmemory", "0")
	}, "eviction", Warn, "allkeys-lru: once"},
	{"replicas are missing", set("min-replicas-to-write", "1"), "replicas", Fail, "NOREPLICAS"},
	{"every write is an event", set("notify-keyspace-events", "KEA"), "keyspace events", Warn, "every write"},
	{"events are of no use", set("notify-keyspace-events", "Kg"), "keyspace events", Warn, "no hints"},
	{"subscribers have no limit", set("client-output-buffer-limit", "pubsub 0 0 0"), "output buffers", Warn, "no limit"},
	{"subscribers are cut off", set("client-output-buffer-limit", "pubsub 65536 0 0"), "output buffers", Warn, "cuts watchers off"},
	{"idle clients are closed", set("timeout", "5"), "timeout", Warn, "5s"},
	{"dead clients stay", set("tcp-keepalive", "0"), "keepalive", Warn, "stay for ever"},
}

func TestFaultsOfServers(t *testing.T) {
	for _, f := range faultsOfServers {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			f.plant(t, s)
			wellOr(t, s, examine(t, open(t, s.Addr()), Options{}), f.check, f.level, f.words)
		})
	}
}

func TestMemoryIsFull(t *testing.T) {
	s := start(t)
	for i := range 200 {
		must(t, s.Client().Set(t.Context(), fmt.Sprint("foreign", i), strings.Repeat("x", 40_000), 0))
	}
	for share, want := range map[int64]Finding{
		97: {Level: Fail, What: "OOM"}, 85: {Level: Warn, What: "% of maxmemory"},
	} {
		eventually(t, func() error { // buffers come and go
			info := &server{info: parseInfo(s.Client().Info(t.Context(), "memory").Val())}
			s.SetConfig("maxmemory", fmt.Sprint(info.number("used_memory")*100/share))
			for _, f := range examine(t, open(t, s.Addr()), Options{}) {
				if f.Check == "memory" && f.Level == want.Level && strings.Contains(f.What, want.What) {
					return nil
				}
			}
			return fmt.Errorf("not found: memory %s %s", want.Level, want.What)
		})
	}
}

func TestItHasEvicted(t *testing.T) {
	s := start(t, "--maxmemory", "4mb", "--maxmemory-policy", "allkeys-lru")
	for i := range 200 {
		must(t, s.Client().Set(t.Context(), fmt.Sprint("foreign", i), strings.Repeat("x", 50_000), 0))
	}
	has(t, examine(t, open(t, s.Addr()), Options{}), "eviction", Fail, "has evicted")
}

func TestAReplica(t *testing.T) {
	master, s := start(t), start(t)
	host, port, _ := strings.Cut(master.Addr(), ":")
	must(t, s.Client().ReplicaOf(t.Context(), host, port))
	findings := examine(t, open(t, s.Addr()), Options{})
	has(t, findings, "role", Fail, "is a replica")
	if !Failed(findings) {
		t.Error("it is not failed")
	}
}

func TestReplicasAreJustEnough(t *testing.T) {
	master, replica := start(t), start(t)
	host, port, _ := strings.Cut(master.Addr(), ":")
	must(t, replica.Client().ReplicaOf(t.Context(), host, port))
	master.SetConfig("min-replicas-to-write", "1")
	eventually(t, func() error {
		if info := master.Client().Info(t.Context(), "replication").Val(); !strings.Contains(info, "min_slaves_good_slaves:1") {
			return fmt.Errorf("no good replica: %s", info)
		}
		return nil
	})
	wellOr(t, master, examine(t, open(t, master.Addr()), Options{}), "replicas", Warn, "the loss of one")
}

func TestTheLastSaveFailed(t *testing.T) {
	s := start(t, "--stop-writes-on-bgsave-error", "yes")
	ctx, c := t.Context(), s.Client()
	dir := c.ConfigGet(ctx, "dir").Val()["dir"]
	if err := os.MkdirAll(filepath.Join(dir, "dump.rdb", "full"), 0o700); err != nil {
		t.Fatal(err)
	}
	must(t, c.BgSave(ctx))
	eventually(t, func() error {
		if info := c.Info(ctx, "persistence").Val(); !strings.Contains(info, "rdb_last_bgsave_status:err") {
			return fmt.Errorf("the save did not fail: %s", info)
		}
		return nil
	})
	findings := examine(t, open(t, s.Addr()), Options{})
	has(t, findings, "last save", Fail, "MISCONF")
	s.SetConfig("stop-writes-on-bgsave-error", "no")
	has(t, examine(t, open(t, s.Addr()), Options{}), "last save", Warn, "old data")
}

func TestClientsAreTooMany(t *testing.T) {
	s := start(t, "--maxclients", "10")
	var waiting []*registry.Redis
	eventually(t, func() error {
		findings := examine(t, open(t, s.Addr()), Options{})
		for _, f := range findings {
			if f.Check == "clients" && f.Level != OK {
				return nil
			}
		}
		r := open(t, s.Addr())
		waiting = append(waiting, r)
		return fmt.Errorf("%d more clients are no fault: %v, %+v", len(waiting), r.Init(), findings)
	})
}

func TestClocksDiffer(t *testing.T) {
	s := start(t)
	late := func() time.Time { return time.Now().Add(-time.Minute) }
	wellOr(t, s, examine(t, open(t, s.Addr()), Options{Now: late}), "clock", Warn, "1m0s from ours")
}

func TestItIsSlow(t *testing.T) {
	s := start(t)
	proxy := redistest.StartProxy(t, s.Addr())
	proxy.Latency(2 * slow)
	wellOr(t, s, examine(t, open(t, proxy.Addr()), Options{}), "reachable", Warn, "a round trip takes")
}

func TestItIsAway(t *testing.T) {
	s := start(t)
	s.Kill()
	only(t, examine(t, open(t, s.Addr(), registry.Timeout(time.Second)), Options{}), "reachable", Fail, "unavailable")
}

func TestAWrongPassword(t *testing.T) {
	s := start(t, "--requirepass", "secret")
	findings := examine(t, open(t, s.Addr()), Options{})
	only(t, findings, "reachable", Fail, "check the user and the password")
}

// Whom Redis tells nothing learns nothing, and not that all is well.
func TestWhatItMayNotAskIsUnknown(t *testing.T) {
	s := start(t)
	s.SetUser("patient", "on", ">secret", "+multi", "+exec")
	findings := examine(t, open(t, s.Addr(), registry.Username("patient"), registry.Password("secret")), Options{Roles: acl.Roles})
	known := map[string]bool{"reachable": true, "version": true, "role": true} // by HELLO, which needs no right
	for _, f := range findings {
		switch {
		case strings.HasPrefix(f.Check, "rights: "):
			if f.Level != Fail {
				t.Errorf("%+v, want fail", f)
			}
		case known[f.Check]:
		case f.Level != Unknown || f.Remedy == "":
			t.Errorf("%+v, want unknown, and what to do", f)
		}
	}
}
