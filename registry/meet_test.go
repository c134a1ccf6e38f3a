package registry_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2/server"

	"github.com/rollcall-go/rollcall/registry"
)

// A server that cannot serve yet has not said what it is: it is asked again, and refused
// where it does not suit.
func TestAServerThatCannotServeYetIsAskedAgain(t *testing.T) {
	for _, says := range []string{
		"LOADING Redis is loading the dataset in memory",
		"CLUSTERDOWN The cluster is down",
		"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
		"BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
	} {
		t.Run(says, func(t *testing.T) {
			inSimulation(t, func(b *simulation) {
				if c, err := b.Client(); err != nil || c.Ping(context.Background()).Err() != nil { // the server begins with its first connection
					b.t.Fatal("no connection")
				}
				b.server.Server().SetPreHook(func(c *server.Peer, cmd string, _ ...string) bool {
					if cmd == "HELLO" {
						c.WriteError(says)
					}
					return cmd == "HELLO"
				})
				call := func() error {
					ctx, cancel := context.WithTimeout(context.Background(), time.Second)
					defer cancel()
					return b.Register(ctx, service("shop", node("a")))
				}
				if err := call(); !errors.Is(err, registry.ErrUnavailable) {
					b.t.Errorf("a server that cannot serve: %v", err)
				}
				b.server.Server().SetPreHook(func(c *server.Peer, cmd string, _ ...string) bool {
					if cmd == "HELLO" {
						c.WriteMapLen(2)
						for _, s := range []string{"server", "redis", "version", "6.0.16"} {
							c.WriteBulk(s)
						}
					}
					return cmd == "HELLO"
				})
				if err := call(); !errors.Is(err, errors.ErrUnsupported) {
					b.t.Errorf("a server that is too old: %v", err)
				}
			})
		})
	}
}

// A check may close the registry while the first Register of it is under way: Close does
// not wait for that Register, which waits for the check.
func TestCloseFromTheCheckOfARegister(t *testing.T) {
	inSimulation(t, func(b *simulation) {
		register(b.t, b.Redis, service("shop", node("a")))
		var took time.Duration
		var closed error
		err := b.Register(context.Background(), service("desk", node("b")), registry.RegisterCheck(func(context.Context) error {
			began := time.Now()
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			closed, took = b.Close(ctx), time.Since(began)
			return nil
		}))
		if closed != nil || took > time.Second {
			b.t.Errorf("Close: %v after %v", closed, took)
		}
		wantErr(b.t, err, registry.ErrClosed)
		if b.server.Exists("rollcall:{default/shop}:index") || b.server.Exists("rollcall:{default/desk}:index") {
			b.t.Error("nodes are left")
		}
	})
}
