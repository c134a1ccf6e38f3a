package acl_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rollcall-go/rollcall/internal/acl"
	"github.com/rollcall-go/rollcall/registry"
)

// A job is all that a role does.
type job struct {
	name   string
	change func(*acl.Request)
	do     func(ctx context.Context, s *site, user, ns string, r acl.Request) error
}

func as(roles ...acl.Role) func(*acl.Request) {
	return func(r *acl.Request) { r.Roles = roles }
}

var jobs = []job{
	{"registrar", as(acl.Registrar), registrars},
	{"resolver", as(acl.Resolver), resolvers},
	{"operator", as(acl.Operator), operators},
	{"resolver of all", func(r *acl.Request) {
		if r.Roles = []acl.Role{acl.Resolver}; r.Service == "" {
			r.WatchAll, r.Config, r.Hints = true, true, r.Namespace != "*"
		}
	}, resolvers},
	{"registrar and resolver", as(acl.Registrar, acl.Resolver), func(ctx context.Context, s *site, user, ns string, r acl.Request) error {
		return errors.Join(registrars(ctx, s, user, ns, r), resolvers(ctx, s, user, ns, r))
	}},
}

func shop(ids ...string) *registry.Service {
	s := &registry.Service{Name: "shop", Version: "1"}
	for _, id := range ids {
		s.Nodes = append(s.Nodes, &registry.Node{ID: id, Address: "10.0.0.1:80"})
	}
	return s
}

// registrars registers, changes, renews, reaps and deregisters.
func registrars(ctx context.Context, s *site, user, ns string, _ acl.Request) error {
	r := s.open(user, registry.Namespace(ns))
	first := shop("a", "b")
	if err := r.Register(ctx, first); err != nil {
		return err
	}
	first.Nodes[0].Weight = 3
	if err := r.Register(ctx, first, registry.RegisterExclusive()); err != nil {
		return err
	}
	s.plant(ns, "shop", "crashed", 500*time.Millisecond)
	k := s.space.Service(ns, "shop")
	begun := time.Now()
	err := await(ctx, func() error {
		scores, err := s.admin.ZRangeWithScores(ctx, k.Index(), 0, -1).Result()
		if err != nil || len(scores) != 2 || time.UnixMilli(int64(scores[0].Score)).Before(begun.Add(1500*time.Millisecond)) {
			return fmt.Errorf("nodes are not renewed or not reaped: %v, %w", scores, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := r.Deregister(ctx, shop()); err != nil {
		return err
	}
	return r.Close(ctx)
}

// resolvers reads and watches.
func resolvers(ctx context.Context, s *site, user, ns string, of acl.Request) error {
	r := s.open(user, registry.Namespace(ns))
	watching := []registry.WatchOption{registry.WatchService("shop")}
	if of.WatchAll || of.Service == "" && slices.Contains(of.Roles, acl.Operator) {
		watching = []registry.WatchOption{registry.WatchNamespace(of.Namespace)}
	}
	s.plant(ns, "shop", "a", time.Second)
	w, err := r.Watch(ctx, watching...)
	if err != nil {
		return err
	}
	defer w.Stop()
	defer context.AfterFunc(ctx, w.Stop)()
	for _, want := range []registry.Action{registry.Create, registry.Delete} {
		change, err := w.Next()
		if err != nil || change.Action != want {
			return fmt.Errorf("got %v, %w, want %s", change, err, want)
		}
	}
	s.plant(ns, "shop", "b", time.Minute)
	if _, err := w.Next(); err != nil {
		return err
	}
	if of.Config {
		if err := r.Init(); err != nil {
			return err
		}
	}
	known, err := r.Knows(ctx, "shop")
	if !known || err != nil {
		return fmt.Errorf("shop is not known: %w", err)
	}
	if of.Service == "" {
		listed, err := r.ListServices(ctx, registry.ListNamespace(of.Namespace))
		if len(listed) == 0 || err != nil {
			return fmt.Errorf("listed %v, %w", listed, err)
		}
	}
	found, err := r.GetService(ctx, "shop")
	if err != nil || len(found) != 1 {
		return fmt.Errorf("found %v, %w", found, err)
	}
	return r.Close(ctx)
}

// operators looks, sets and undoes overrides, and removes a node.
func operators(ctx context.Context, s *site, user, ns string, of acl.Request) error {
	s.plant(ns, "shop", "a", time.Minute)
	s.plant(ns, "shop", "b", time.Minute)
	r := s.open(user, registry.Namespace(ns))
	o := r.Operator("alice")
	draining, weight := registry.Draining, 3
	steps := []func() error{
		func() error {
			return o.Set(ctx, "shop", "a", registry.Override{Status: &draining, For: time.Minute, Reason: "test"})
		},
		func() error { return o.Set(ctx, "shop", "a", registry.Override{Weight: &weight, Stay: true}) },
		func() error { return o.Set(ctx, "shop", "b", registry.Override{Status: &draining}) },
		func() error { return o.SetAll(ctx, "shop", registry.Override{Weight: &weight}) },
		func() error { return o.Undo(ctx, "shop", "a", "status") },
		func() error { return wantSome(o.Overrides(ctx, "shop")) },
		func() error { return wantSome(o.Nodes(ctx, "shop")) },
		func() error { return o.UndoAll(ctx, "shop") },
		func() error { return o.Undo(ctx, "shop", "a") },
		func() error { return o.Undo(ctx, "shop", "b") },
		func() error { return o.Remove(ctx, "shop", "b", "test") },
		func() error { return wantSome(o.History(ctx, "shop")) },
		func() error {
			_, err := o.Why(ctx, "shop", "b")
			return err
		},
		func() error { return resolvers(ctx, s, user, ns, of) },
	}
	if of.Service == "" {
		steps = append(steps,
			func() error { return wantSome(o.Namespaces(ctx)) },
			func() error { return wantSome(o.In(of.Namespace).Nodes(ctx, "")) },
		)
	}
	for i, step := range steps {
		if err := step(); err != nil {
			return fmt.Errorf("step %d: %w", i, err)
		}
	}
	return nil
}

func wantSome[T any](found []T, err error) error {
	if err == nil && len(found) == 0 {
		return errors.New("found nothing")
	}
	return err
}
