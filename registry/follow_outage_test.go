package registry_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// An outage is one view, however many polls fail in it.
func TestAnOutageIsOneView(t *testing.T) {
	inSimulation(t, func(b *simulation) {
		register(b.t, b.Redis, service("shop", node("a")))
		f := follow(b.t, b.Redis, "shop")
		untilView(b.t, f, func(v *registry.View) bool { return shown(v) == "/a " && v.StaleSince.IsZero() })
		b.link.set(true)
		v := untilView(b.t, f, func(v *registry.View) bool { return !v.StaleSince.IsZero() })
		began := time.Now()
		ctx, cancel := context.WithTimeout(b.t.Context(), time.Hour)
		defer cancel()
		again, err := f.Next(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, registry.ErrUnavailable) {
			b.t.Errorf("a view after %v of an outage: %v, after %v; %v", time.Since(began), again, v, err)
		}
	})
}

// A subscription that is refused is asked for again and again, and logged once.
func TestARefusalIsLoggedOnce(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	rights := watcherRights(prefix(t))
	rights[1] = "resetchannels"
	f := follow(t, user(t, server, rights, registry.PollInterval(100*time.Millisecond)), "shop")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if v, err := f.Next(ctx); !errors.Is(err, registry.ErrPermission) {
		t.Fatalf("%v, %v", v, err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if v, err := f.Next(ctx); !errors.Is(err, registry.ErrPermission) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("within ten polls: %v, %v", v, err)
	}
}
