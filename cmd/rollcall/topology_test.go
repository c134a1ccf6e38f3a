package main

import (
	"crypto/tls"
	"strings"
	"testing"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// TestTopologies runs testdata/topology behind Sentinel, on a cluster, and over TLS.
func TestTopologies(t *testing.T) {
	t.Parallel()
	t.Run("sentinel", func(t *testing.T) {
		t.Parallel()
		s := redistest.StartSentinel(t)
		runScripts(t, "testdata/topology", nil, map[string]string{"ROLLCALL_REDIS_URL": strings.Join(s.Addrs(), ","), "ROLLCALL_MASTER": s.MasterName()},
			registry.Addrs(s.Addrs()...), registry.MasterName(s.MasterName()))
	})
	t.Run("cluster", func(t *testing.T) {
		t.Parallel()
		c := redistest.StartCluster(t)
		runScripts(t, "testdata/topology", nil, map[string]string{"ROLLCALL_REDIS_URL": "redis://" + c.Addrs()[0], "ROLLCALL_CLUSTER": "true"},
			registry.URL("redis://"+c.Addrs()[0]), registry.Cluster(true))
	})
	t.Run("tls", func(t *testing.T) {
		t.Parallel()
		authority := redistest.NewAuthority(t)
		args, addr := authority.Args("127.0.0.1")
		redistest.Start(t, args...)
		runScripts(t, "testdata/topology", nil, map[string]string{"ROLLCALL_REDIS_URL": "rediss://" + addr, "ROLLCALL_CA": authority.File()},
			registry.URL("rediss://"+addr), registry.TLSConfig(&tls.Config{RootCAs: authority.Roots()}))
	})
}
