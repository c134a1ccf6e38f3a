package registry_test

import (
	"context"
	"errors"
	"flag"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// wantText checks an error's sentinel, that it is one line, and the words in it.
func wantText(t *testing.T, err, want error, words ...string) {
	t.Helper()
	wantErr(t, err, want)
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("%q is more than a line", err)
	}
}

// An error says where, who and what to do.
func TestErrorsHelp(t *testing.T) {
	server := redistest.SharedStandalone(t)
	tp := redistest.Topology{Addrs: []string{server.Addr()}}
	held := &registry.Service{Name: "shop", Version: "1.2", Nodes: []*registry.Node{{ID: "a", Address: "10.0.0.7:80", Zone: "eu-1"}}}

	t.Run("conflict", func(t *testing.T) {
		register(t, open(t, tp), held)
		err := open(t, tp).Register(t.Context(), service("shop", node("a")), registry.RegisterExclusive())
		wantText(t, err, registry.ErrConflict, "default/shop/a", "held by 10.0.0.7:80, zone eu-1, version 1.2, since 20", "RegisterExclusive")
	})
	t.Run("superseded", func(t *testing.T) {
		older := open(t, tp, renewRarely)
		register(t, older, service("shop", node("a")))
		register(t, open(t, tp), held)
		err := older.Register(t.Context(), service("shop", node("a")))
		wantText(t, err, registry.ErrSuperseded, "default/shop/a", "Deregister, then Register again", "held by 10.0.0.7:80")
		err = older.Register(t.Context(), service("shop", node("a"))) // as the books know by now
		wantText(t, err, registry.ErrSuperseded, "Deregister, then Register again", "held by 10.0.0.7:80")
	})
	t.Run("not found", func(t *testing.T) {
		_, err := open(t, tp).GetService(t.Context(), "nobody")
		wantText(t, err, registry.ErrNotFound, "default/nobody")
	})
	t.Run("a name with a newline", func(t *testing.T) {
		r := open(t, tp)
		_, err := r.GetService(t.Context(), "a\nb")
		wantText(t, err, registry.ErrInvalid, `"a\nb"`)
		_, err = r.GetService(t.Context(), "a", registry.GetNamespace("x\ny"))
		wantText(t, err, registry.ErrInvalid, `"x\ny"`)
		wantText(t, r.Register(t.Context(), service("shop", node("n\n"))), registry.ErrInvalid, `"n\n"`)
	})
	t.Run("no right", func(t *testing.T) {
		do(t, server, "ACL", "SETUSER", "few", "on", ">x", "~other:*", "resetchannels", "+@all")
		t.Cleanup(func() { server.Client().Do(context.Background(), "ACL", "DELUSER", "few") })
		r := open(t, tp, registry.Username("few"), registry.Password("x"))
		_, err := r.GetService(t.Context(), "shop")
		wantText(t, err, registry.ErrPermission, "docs/protocol.md#rights", "{default/shop}:*", "{default/shop}:events:0")
	})
	t.Run("no server listens", func(t *testing.T) {
		_, err := open(t, redistest.Topology{Addrs: []string{"127.0.0.1:1"}}).GetService(t.Context(), "shop")
		wantText(t, err, registry.ErrUnavailable, "127.0.0.1:1", "check the address")
	})
	t.Run("no answer", func(t *testing.T) {
		silent := redistest.Start(t)
		r := open(t, redistest.Topology{Addrs: []string{silent.Addr()}}, registry.Timeout(time.Second))
		silent.Pause()
		_, err := r.GetService(t.Context(), "shop")
		silent.Resume()
		wantText(t, err, registry.ErrUnavailable, silent.Addr())
	})
}

// What is nil is refused or has no effect, and never panics.
func TestNilIsRefusedOrIgnored(t *testing.T) {
	var none context.Context
	tp := redistest.Topology{Addrs: []string{redistest.SharedStandalone(t).Addr()}}
	r := open(t, tp, nil, registry.Observe(nil), registry.CredentialsProvider(nil), registry.TLSConfig(nil), registry.Client(nil))
	ctx := t.Context()
	s := service("shop", node("a"))
	follower, err := r.Follow("shop")
	if err != nil {
		t.Fatal(err)
	}
	defer follower.Stop()
	for name, c := range map[string]struct {
		call func() error
		want error // nil: it has no effect
	}{
		"Init":              {func() error { return open(t, tp).Init(nil, nil) }, nil},
		"Register, context": {func() error { return r.Register(none, s) }, registry.ErrInvalid},
		"Register, service": {func() error { return r.Register(ctx, nil) }, registry.ErrInvalid},
		"Register, node":    {func() error { return r.Register(ctx, service("shop", nil)) }, registry.ErrInvalid},
		"Register, endpoint": {func() error {
			return r.Register(ctx, &registry.Service{Name: "x", Nodes: s.Nodes, Endpoints: []*registry.Endpoint{nil}})
		}, registry.ErrInvalid},
		"Register, options":              {func() error { return r.Register(ctx, s, nil, registry.RegisterCheck(nil), registry.OnState(nil)) }, nil},
		"Register, options of an update": {func() error { return r.Register(ctx, s, registry.OnState(nil), nil) }, nil},
		"Deregister, context":            {func() error { return r.Deregister(none, s) }, registry.ErrInvalid},
		"Deregister, service":            {func() error { return r.Deregister(ctx, nil) }, registry.ErrInvalid},
		"Deregister, node":               {func() error { return r.Deregister(ctx, service("shop", nil)) }, registry.ErrInvalid},
		"Deregister, option":             {func() error { return r.Deregister(ctx, service("other"), nil) }, nil},
		"GetService, context":            {func() error { _, err := r.GetService(none, "shop"); return err }, registry.ErrInvalid},
		"GetService, option":             {func() error { _, err := r.GetService(ctx, "nobody", nil); return err }, registry.ErrNotFound},
		"ListServices, context":          {func() error { _, err := r.ListServices(none); return err }, registry.ErrInvalid},
		"ListServices, option":           {func() error { _, err := r.ListServices(ctx, nil); return err }, nil},
		"Watch, context":                 {func() error { _, err := r.Watch(none); return err }, registry.ErrInvalid},
		"Watch, option":                  {func() error { _, err := r.Watch(ctx, nil); return err }, nil},
		"Next, context":                  {func() error { _, err := follower.Next(none); return err }, registry.ErrInvalid},
		"Client, nil of a type":          {func() error { return registry.NewRegistry(registry.Client((*redis.Ring)(nil))).Init() }, registry.ErrInvalid},
		"Flags":                          {func() error { return open(t, tp, registry.Flags(flag.NewFlagSet("", flag.ContinueOnError))).Init() }, nil},
		"Flags of the command line":      {func() error { return open(t, tp, registry.Flags(nil)).Init() }, nil},
		"Close, context":                 {func() error { return open(t, tp).Close(none) }, nil},
		"OpError":                        {func() error { _ = (&registry.OpError{}).Error(); return (&registry.OpError{}).Unwrap() }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if err := c.call(); !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}
