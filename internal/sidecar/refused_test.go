//go:build unix

package sidecar

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// A counted registrar counts the calls of Register.
type counted struct {
	Registrar
	calls atomic.Int64
}

func (c *counted) Register(ctx context.Context, s *registry.Service, opts ...registry.RegisterOption) error {
	defer c.calls.Add(1)
	return c.Registrar.Register(ctx, s, opts...)
}

// A wrong password is one line when it begins, not one for each attempt, and one when it is right.
func TestRunLogsARefusedPasswordOnce(t *testing.T) {
	server := redistest.Start(t)
	url := strings.Replace(server.URL(), "redis://", "redis://shopkeeper:secret@", 1)
	var c *counted
	s := run(t, url, untilTold, func(cfg *Config) {
		c = &counted{Registrar: cfg.Registry}
		cfg.Registry = c
	})
	s.eventually("tried four times", func() bool { return c.calls.Load() > 4 }) // and looked over once
	lines := strings.Count(s.log.String(), "the node is not registered")
	if lines != 1 {
		t.Errorf("%d lines:\n%s", lines, s.log)
	}
	if err := server.Client().Do(t.Context(), "ACL", "SETUSER", "shopkeeper", "on", ">secret", "~*", "&*", "+@all").Err(); err != nil {
		t.Fatal(err)
	}
	s.await("up")
	s.eventually("says that it ended", func() bool { return strings.Contains(s.log.String(), "the node can be registered again") })
}
