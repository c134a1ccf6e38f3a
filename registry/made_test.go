package registry_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// A Redis that NewRegistry has not made refuses every call, says how to make one, and
// never panics.
func TestARegistryThatWasNotMadeIsRefused(t *testing.T) {
	ctx := t.Context()
	for name, r := range map[string]*registry.Redis{"zero": {}, "nil": nil} {
		for op, call := range map[string]func() error{
			"Init":         func() error { return r.Init() },
			"Err":          func() error { return r.Err() },
			"Register":     func() error { return r.Register(ctx, service("shop", node("a"))) },
			"Deregister":   func() error { return r.Deregister(ctx, service("shop")) },
			"GetService":   func() error { _, err := r.GetService(ctx, "shop"); return err },
			"ListServices": func() error { _, err := r.ListServices(ctx); return err },
			"Watch":        func() error { _, err := r.Watch(ctx); return err },
			"Follow":       func() error { _, err := r.Follow("shop"); return err },
			"Knows":        func() error { _, err := r.Knows(ctx, "shop"); return err },
			"Client":       func() error { _, err := r.Client(); return err },
			"Close":        func() error { return r.Close(ctx) },
		} {
			t.Run(name+", "+op, func(t *testing.T) { wantText(t, call(), registry.ErrInvalid, "call registry.NewRegistry") })
		}
		if got := r.Options().TTL; got != registry.DefaultTTL {
			t.Errorf("%s: TTL %v", name, got)
		}
		if !strings.Contains(r.String(), "NewRegistry") {
			t.Errorf("%s: %s", name, r)
		}
	}
}

// A check that panics has failed, as one that returns an error: Register says so, and
// later the node is withheld until the check passes. The log has the panic and where it
// came from.
func TestACheckThatPanicsHasFailed(t *testing.T) {
	t.Parallel()
	log, states, ill := &logBuffer{}, newStates(), atomic.Bool{}
	r := open(t, at(redistest.Start(t)), registry.Logger(zerolog.New(log)))
	ill.Store(true)
	probeOfTheTest := func(context.Context) error {
		if ill.Load() {
			panic(errors.New("no database"))
		}
		return nil
	}
	err := r.Register(t.Context(), service("shop", node("a")), registry.RegisterCheck(probeOfTheTest))
	if err == nil || !strings.Contains(err.Error(), "check failed: ") || !strings.Contains(err.Error(), "no database") {
		t.Errorf("Register: %v", err)
	}
	ill.Store(false)
	register(t, r, service("shop", node("a")), registry.RegisterCheck(probeOfTheTest), states.option())
	states.next(t, registry.Live)
	ill.Store(true)
	if err := states.next(t, registry.Withheld); !strings.Contains(err.Error(), "no database") {
		t.Errorf("withheld because of %v", err)
	}
	ill.Store(false)
	states.next(t, registry.Live)
	if got := log.String(); !strings.Contains(got, "RegisterCheck panicked") || !strings.Contains(got, "TestACheckThatPanicsHasFailed") {
		t.Errorf("the log lacks the panic, or its stack:\n%s", got)
	}
}
