package hertzadapter

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-go/rollcall/registry"
)

func TestHolderClosesWithTheLastUserAndOpensAgain(t *testing.T) {
	var got []string
	h := &holder{open: func() (registry.Registry, closer) {
		got = append(got, "open")
		return &fake{}, func(context.Context) error { got = append(got, "close"); return nil }
	}}
	a := newRegistrar(h, newOptions(nil))
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
	if err := newRegistrar(h, newOptions(nil)).Register(shopAt("10.0.0.1:80")); err == nil {
		t.Fatal("Register: nil, want an error")
	}
	if closed != 1 {
		t.Errorf("closed %d times, want once", closed)
	}
}
