package discovery_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/registry"
)

func TestDoEnds(t *testing.T) {
	type try func(n int) error
	always := func(err error) try { return func(int) error { return err } }
	for _, tc := range []struct {
		name  string
		nodes string
		opts  []discovery.Option
		call  try
		tries int
		want  error
		text  string
	}{
		{"a success", "a b c d", nil, always(nil), 1, nil, ""},
		{"a success in the end", "a b c d", nil, func(n int) error {
			return map[int]error{1: errBroken, 2: errBroken}[n]
		}, 3, nil, ""},
		{"failures", "a b c d", nil, func(n int) error {
			return fmt.Errorf("try %d: %w", n, errBroken)
		}, 3, errBroken, "rollcall: call shop/?: try 3: broken; before that ?: try 1: broken; ?: try 2: broken"},
		{"more of them", "a b c d", []discovery.Option{discovery.Retries(3)}, always(errBroken), 4, errBroken, ""},
		{
			"none wanted", "a b c d",
			[]discovery.Option{discovery.Retries(0)},
			always(errBroken), 1, errBroken, "rollcall: call shop/?: broken",
		},
		{
			"no budget", "a b c d",
			[]discovery.Option{discovery.RetryBudget(0, 0)},
			always(errBroken), 1, errBroken, "rollcall: call shop/?: broken; not tried again: the retry budget is spent",
		},
		{
			"no other node", "a b", nil, always(errBroken), 2, errBroken,
			"rollcall: call shop/?: broken; before that ?: broken; no other node to try",
		},
		{"one node", "a", nil, always(errBroken), 1, errBroken, "rollcall: call shop/?: broken; no other node to try"},
		{"given up", "a b c d", nil, always(context.Canceled), 1, context.Canceled, "rollcall: call shop/?: context canceled"},
		{"no node", "", nil, always(nil), 0, discovery.ErrNoNodes, "rollcall: pick shop: no nodes: the service has none"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			src := newFakeSource()
			src.set("shop", shop(1, strings.Fields(tc.nodes)...))
			r := resolver(t, src, tc.opts...)
			var tried []string
			err := r.Do(t.Context(), "shop", func(_ context.Context, n *registry.Node) error {
				if strings.Contains(strings.Join(tried, " "), n.ID) {
					t.Errorf("%s is tried again", n.ID)
				}
				tried = append(tried, n.ID)
				return tc.call(len(tried))
			})
			same(t, "tries", len(tried), tc.tries)
			if !errors.Is(err, tc.want) {
				t.Errorf("%v, want %v", err, tc.want)
			}
			var op *registry.OpError
			if errors.As(err, &op) && tc.tries > 0 {
				same(t, "the node of the error", op.Node, tried[len(tried)-1])
			}
			if tc.text == "" {
				return
			}
			text := "rollcall: " + strings.TrimPrefix(err.Error(), "rollcall: ")
			for _, id := range tried {
				text = strings.ReplaceAll(strings.ReplaceAll(text, "/"+id+":", "/?:"), " "+id+":", " ?:")
			}
			same(t, "the error", text, tc.text)
		})
	}
}

func TestDoEndsWithItsContext(t *testing.T) {
	errCause := errors.New("the user has left")
	for name, end := range map[string]func(context.CancelCauseFunc){
		"at once":      func(cancel context.CancelCauseFunc) { cancel(errCause) },
		"in the pause": func(cancel context.CancelCauseFunc) { time.AfterFunc(time.Millisecond, func() { cancel(errCause) }) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				src := newFakeSource()
				src.set("shop", ten())
				r := resolver(t, src)
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				tries := 0
				err := r.Do(ctx, "shop", func(context.Context, *registry.Node) error {
					tries++
					end(cancel)
					return errBroken
				})
				wantErr(t, "Do", err, errBroken, context.Canceled)
				same(t, "tries", tries, 1)
			})
		})
	}
	t.Run("and does not blame the node", func(t *testing.T) {
		src := newFakeSource()
		src.set("shop", shop(1, "a", "b"))
		r := resolver(t, src, discovery.Ejection(1, time.Second, time.Second))
		ctx, cancel := context.WithCancelCause(t.Context())
		_ = r.Do(ctx, "shop", func(ctx context.Context, _ *registry.Node) error {
			cancel(errCause)
			return context.Cause(ctx)
		})
		same(t, "ready", ready(t, r), "a b")
	})
}

// A call that panics is over all the same: the probe that it was is offered again,
// and nothing counts it as under way.
func TestDoPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newFakeSource()
		src.set("shop", shop(1, "a", "b"))
		r := resolver(t, src, discovery.Ejection(1, time.Second, time.Minute))
		call(t, r, "a", 1, errBroken)
		time.Sleep(time.Second)
		synctest.Wait()
		for range 3 {
			func() {
				defer func() { same[any](t, "the panic", recover(), "a mistake") }()
				_ = r.Do(t.Context(), "shop", func(_ context.Context, n *registry.Node) error {
					same(t, "the probe", n.ID, "a")
					panic("a mistake")
				})
			}()
		}
		same(t, "the probe", picks(t, r, 1)["a"], 1)
	})
}
