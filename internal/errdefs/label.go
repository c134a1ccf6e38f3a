package errdefs

import (
	"context"
	"errors"
)

// labels are the words for errors in metrics and traces: few, and the same in both.
var labels = []struct {
	err   error
	label string
}{
	{ErrNotFound, "not_found"},
	{ErrInvalid, "invalid"},
	{ErrConflict, "conflict"},
	{ErrSuperseded, "superseded"},
	{ErrPermission, "permission"},
	{ErrClosed, "closed"},
	{ErrUnavailable, "unavailable"},
	{context.Canceled, "canceled"},
	{context.DeadlineExceeded, "timeout"},
}

// Label returns the word for an error in metrics and traces; "error" for one of no kind.
func Label(err error) string {
	for _, l := range labels {
		if errors.Is(err, l.err) {
			return l.label
		}
	}
	return "error"
}
