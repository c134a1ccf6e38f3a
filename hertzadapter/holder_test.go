package hertzadapter

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/registry"
)

func TestHolderClosesWithTheLastUserAndOpensAgain(t *testing.T) {
	var got []string
	h := &holder{open: func() (registry.Registry, closer) {
		got = append(got, "open")
		return &fake{}, func(context.Context) error { got = append(got, "close"); return nil }
	}}
	a := newRegistrar(h, newOptions[Option](nil))
	one, two := shopAt("10.0.0.1:80"), shopAt("10.0.0.2:80")

	must(t, a.Deregister(one)) // nothing was opened, nothing is closed
	must(t, a.Register(one))   // refused
	must(t, a.Register(one))
	must(t, a.Register(two))
	must(t, a.Register(two)) // again: the same user
	must(t, a.Deregister(one))
	got = append(got, "one left")
	must(t, a.Deregister(two))
	must(t, a.Register(one))
	must(t, a.Deregister(one))

	if d := cmp.Diff([]string{"open", "one left", "close", "open", "close"}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestHolderClosesAfterAFailedRegister(t *testing.T) {
	closed := 0
	h := &holder{open: func() (registry.Registry, closer) {
		f := &fake{register: func(context.Context, *registry.Service) error { return registry.ErrInvalid }}
		return f, func(context.Context) error { closed++; return nil }
	}}
	if err := newRegistrar(h, newOptions[Option](nil)).Register(shopAt("10.0.0.1:80")); err == nil {
		t.Fatal("Register: nil, want an error")
	}
	if closed != 1 {
		t.Errorf("closed %d times, want once", closed)
	}
}

// With the community's layout, the first Register asks the registry for its client,
// and so has the registry's options read: they are functions of the user's.
func TestOptionsOfTheRegistryRunUnderNoMutex(t *testing.T) {
	var a *registrar
	ran := 0
	a = newRegistrar(shared(registry.NewRegistry(func(*registry.Options) {
		if ran++; !a.mu.TryLock() {
			t.Error("an option runs under the mutex")
			return
		}
		a.mu.Unlock()
	})), newOptions([]RegistryOption{WithCommunityKeys(true)}))
	info := shopAt("10.0.0.1:80")
	if _, err := a.begin(info, &registration{service: service(info, "tcp", "10.0.0.1:80")}, zerolog.Nop()); err != nil || ran == 0 {
		t.Errorf("begin: %v, after %d runs of the option", err, ran)
	}
}

// A Deregister that comes while Register makes the mirror is not lost.
func TestDeregisterWhileTheMirrorIsMade(t *testing.T) {
	var a *registrar
	info, once := shopAt("10.0.0.1:80"), false
	closed := 0
	r := registry.NewRegistry(func(*registry.Options) {
		if !once {
			once = true
			must(t, a.Deregister(info))
		}
	})
	a = newRegistrar(&holder{open: func() (registry.Registry, closer) {
		return r, func(ctx context.Context) error { closed++; return r.Close(ctx) }
	}}, newOptions([]RegistryOption{WithCommunityKeys(true)}))
	must(t, a.Register(info))
	if len(a.live) != 0 || closed != 1 {
		t.Errorf("%d are entered, closed %d times; want none, and once", len(a.live), closed)
	}
}
