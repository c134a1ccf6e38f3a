package views

import (
	"context"
	"errors"
	"fmt"

	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/registry"
)

// The errors of package discovery, which documents them.
var (
	ErrNoNodes = errors.New("no nodes")
	ErrStale   = errors.New("view is too old")
)

// ErrNoContext is that of a nil context.
var ErrNoContext = errdefs.Invalid("the context is nil", "use context.Background")

// Bare returns what a source says, without its own name for the operation, and before the
// deadline that it has met.
func Bare(err error) error {
	switch e := err.(type) {
	case *registry.OpError:
		return Bare(e.Err)
	case interface{ Unwrap() []error }:
		switch all := e.Unwrap(); {
		case len(all) == 1:
			return Bare(all[0])
		case len(all) != 2 || all[0] != context.DeadlineExceeded:
		case errors.Is(all[1], all[0]):
			return Bare(all[1])
		default:
			return fmt.Errorf("%w; %w", Bare(all[1]), all[0])
		}
	}
	return err
}

// unanswered is the error of a caller whose ctx ended before the source answered; why is
// what the source has said so far, or nil.
func unanswered(ctx context.Context, why error) error {
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return ctx.Err()
	case why == nil:
		why = ctx.Err()
	}
	if why = Bare(why); errors.Is(why, registry.ErrUnavailable) {
		return fmt.Errorf("nothing is known of the service yet: %w", why)
	}
	return fmt.Errorf("%w: nothing is known of the service yet: %w", registry.ErrUnavailable, why)
}
