package redisconn

import (
	"context"
	"errors"
	"slices"

	"github.com/rollcall-go/rollcall/internal/errdefs"
)

// Retryable reports whether trying again may help.
func Retryable(err error) bool {
	err = Classify(err)
	final := []error{errdefs.ErrConflict, errdefs.ErrSuperseded, errdefs.ErrClosed, context.Canceled}
	return !Hopeless(err) && !slices.ContainsFunc(final, func(f error) bool { return errors.Is(err, f) })
}

// Unknown reports whether Redis may have done, or may yet do, what failed.
func Unknown(err error) bool {
	err = Classify(err)
	return errors.Is(err, errdefs.ErrUnavailable) || errors.Is(err, context.Canceled)
}
