package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/internal/redisconn"
)

func TestFailure(t *testing.T) {
	if err := failure("get", "ns", "svc", nil); err != nil {
		t.Errorf("no error became %v", err)
	}
	for _, c := range []struct {
		err  error
		want string
	}{
		{failure("init", "", "", ErrClosed), "rollcall: init: registry closed"},
		{failure("get", "default", "shop", ErrNotFound), "rollcall: get default/shop: not found"},
		{failure("register", "eu", "shop", &errdefs.NodeError{Node: "10.0.0.1:80", Err: ErrSuperseded}), "rollcall: register eu/shop/10.0.0.1:80: superseded by a newer lease"},
		{failure("list", "eu", "", io.EOF), "rollcall: list eu: redis unavailable: EOF"},
		{failure("get", "", "shop", errdefs.Invalid("Name", "is empty")), "rollcall: get shop: invalid: Name: is empty"},
	} {
		if got := c.err.Error(); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
	var op *OpError
	err := fmt.Errorf("start: %w", failure("register", "eu", "shop", &errdefs.NodeError{Node: "a", Err: ErrConflict}))
	if !errors.As(err, &op) || op.Op != "register" || op.Namespace != "eu" || op.Service != "shop" || op.Node != "a" {
		t.Errorf("%v has %+v", err, op)
	}
}

func TestNames(t *testing.T) {
	for _, c := range []struct {
		got  fmt.Stringer
		want string
	}{
		{Create, "create"},
		{Update, "update"},
		{Delete, "delete"},
		{Action(3), "unknown"},
		{Action(-1), "unknown"},
		{Up, "up"},
		{Draining, "draining"},
		{Status(2), "unknown"},
		{Status(-1), "unknown"},
		{Pending, "pending"},
		{Live, "live"},
		{Lost, "lost"},
		{Withheld, "withheld"},
		{Superseded, "superseded"},
		{Removed, "removed"},
		{Left, "left"},
		{State(7), "unknown"},
		{State(-1), "unknown"},
	} {
		if c.got.String() != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestOpErrorIsATimeout(t *testing.T) {
	for err, want := range map[error]bool{
		&OpError{Op: "get", Err: redisconn.Classify(context.DeadlineExceeded)}: true,
		&OpError{Op: "get", Err: ErrNotFound}:                                  false,
		&OpError{Op: "get"}:                                                    false,
	} {
		if got := err.(*OpError).Timeout(); got != want {
			t.Errorf("%v: a time-out %v, want %v", err, got, want)
		}
	}
}
