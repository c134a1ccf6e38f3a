package doctor

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/acl"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// What no test can plant in a real Redis, and what a provider hides.
func TestChecks(t *testing.T) {
	info := func(text string) map[string]string { return parseInfo(strings.ReplaceAll(text, " ", "\n")) }
	for _, tc := range []struct {
		check string
		of    server
		level Level
		words string
	}{
		{"last save", server{info: info("aof_enabled:1 aof_last_write_status:err rdb_last_bgsave_status:ok")}, Fail, "MISCONF"},
		{"last save", server{info: info("aof_enabled:0 aof_last_write_status:err rdb_last_bgsave_status:ok")}, OK, ""},
		{"last save", server{info: info("rdb_last_bgsave_status:err")}, Fail, "where stop-writes"},
		{"persistence", server{info: info("aof_enabled:0")}, Unknown, "whether it saves"},
		{"persistence", server{info: info("aof_enabled:1")}, OK, "append-only"},
		{"persistence", server{info: info("aof_enabled:0"), config: map[string]string{"save": "60 1"}}, OK, "save 60 1"},
		{"replicas", server{info: info("connected_slaves:2")}, OK, "2 replicas"}, // INFO tells where some are wanted
		{"replicas", server{info: info("connected_slaves:2 min_slaves_good_slaves:0")}, Fail, "NOREPLICAS"},
		{"replicas", server{info: info("connected_slaves:2 min_slaves_good_slaves:2")}, Unknown, "CONFIG"},
		{"replicas", server{info: info("min_slaves_good_slaves:2"), config: map[string]string{"min-replicas-to-write": "1"}}, OK, "2 replicas in time"},
		{"memory", server{info: info("maxmemory:0 used_memory:1 used_memory_rss:900 total_system_memory:1000")}, Warn, "there is no maxmemory"},
		{"memory", server{info: info("maxmemory:0")}, Unknown, "INFO"},
		{"memory", server{info: info("maxmemory:2000000000 used_memory:1000000000")}, OK, "953.7 MiB of 1.9 GiB are in use, 50%"},
		{"output buffers", server{config: map[string]string{"client-output-buffer-limit": "normal 0 0 0"}}, Unknown, "without pubsub"},
		{"role", server{info: info("role:slave")}, Fail, "slave"}, // it does not know HELLO
		{"version", server{info: info("redis_version:6.2.14")}, Warn, "no rights to read a key and not to write it"},
		{"version", server{info: info("redis_version:7.2.4 valkey_version:8.0.1")}, OK, "8.0.1"},
		{"clients", server{info: info("maxclients:100 connected_clients:81")}, Warn, "81 clients of 100"},
	} {
		for _, c := range checks {
			if c.name != tc.check {
				continue
			}
			if f := c.look(&tc.of); f.Level != tc.level || !strings.Contains(f.What, tc.words) {
				t.Errorf("%s of %v, %v: %+v, want %s %q", tc.check, tc.of.info, tc.of.config, f, tc.level, tc.words)
			}
		}
	}
}

func TestClocksOfMasters(t *testing.T) {
	for _, tc := range []struct {
		ahead []time.Duration
		level Level
		words string
	}{
		{[]time.Duration{time.Millisecond, -time.Millisecond}, OK, "1ms from ours"},
		{[]time.Duration{time.Second, 2 * time.Second}, Fail, "the clocks of 1 and 2 are 1s apart"},
		{[]time.Duration{-time.Minute, -time.Minute}, Warn, "-1m0s from ours"},
	} {
		p := &patient{}
		for i, ahead := range tc.ahead {
			p.servers = append(p.servers, &server{addr: fmt.Sprint(i + 1), ahead: ahead, timed: true})
		}
		if f := p.clocks(); f.Level != tc.level || !strings.Contains(f.What, tc.words) {
			t.Errorf("%v: %+v, want %s %q", tc.ahead, f, tc.level, tc.words)
		}
	}
}

func TestBehindSentinels(t *testing.T) {
	s := redistest.SharedSentinel(t)
	r := open(t, "", registry.Addrs(s.Addrs()...), registry.MasterName(s.MasterName()))
	findings := examine(t, r, Options{Roles: acl.Roles})
	has(t, findings, "role", OK, "master")
	has(t, findings, "replicas", OK, "2 replicas")
	has(t, findings, "rights: operator", OK, "may work")
}
