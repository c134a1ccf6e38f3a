package httpcall_test

import (
	"context"
	"errors"
	"testing"

	"github.com/rollcall-go/rollcall/internal/httpcall"
)

// The context ends as the first one does, and has the values of the second one.
func TestWithValues(t *testing.T) {
	type key struct{}
	cause := errors.New("the user has left")
	own, end := context.WithCancelCause(context.WithValue(t.Context(), key{}, "own"))
	other, cancel := context.WithCancel(context.WithValue(own, key{}, "other"))
	if httpcall.WithValues(own, own) != own {
		t.Error("the same context twice is wrapped")
	}
	ctx := httpcall.WithValues(own, other)
	below, stop := context.WithCancel(ctx)
	defer stop()
	if v := below.Value(key{}); v != "other" {
		t.Errorf("the value is %v", v)
	}
	cancel()
	if ctx.Err() != nil || below.Err() != nil {
		t.Error("it ends with the second context")
	}
	end(cause)
	<-below.Done()
	if !errors.Is(ctx.Err(), context.Canceled) {
		t.Errorf("it ends with %v", ctx.Err())
	}
}
