//go:build unix

package example

import (
	"context"
	"net"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/redistest"
)

// Both examples on every kind of Redis that their flags name.
func TestKindsOfRedis(t *testing.T) {
	dir := t.TempDir()
	server, client := build(t, dir, "server"), build(t, dir, "client")
	for name, flags := range map[string]func(t *testing.T) []string{
		"TLS": func(t *testing.T) []string {
			cert, key := certificate(t)
			tls := freeAddr(t)
			_, port, err := net.SplitHostPort(tls)
			if err != nil {
				t.Fatal(err)
			}
			redistest.Start(t, "--tls-port", port, "--tls-cert-file", cert, "--tls-key-file", key,
				"--tls-ca-cert-file", cert, "--tls-auth-clients", "no", "--requirepass", "secret")
			return []string{"-redis", "rediss://:secret@" + tls + "/1", "-ca", cert}
		},
		"Sentinel": func(t *testing.T) []string {
			s := redistest.StartSentinel(t)
			return []string{"-redis", strings.Join(s.Addrs(), ","), "-master", s.MasterName()}
		},
		"Cluster": func(t *testing.T) []string {
			return []string{"-redis", redistest.StartCluster(t).Addrs()[0], "-cluster"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			where, addr := flags(t), freeAddr(t)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			serving := exec.CommandContext(ctx, server, append(where, "-addr", addr)...)
			if err := serving.Start(); err != nil {
				t.Fatal(err)
			}
			out, err := exec.CommandContext(ctx, client, where...).CombinedOutput()
			if want := strings.Repeat("hello from "+addr+"\n", 5); err != nil || string(out) != want {
				t.Errorf("client: %v\n%s", err, out)
			}
			if err := serving.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if err := serving.Wait(); err != nil {
				t.Errorf("server: %v", err)
			}
		})
	}
}
