package redisconn

import (
	"context"
	"fmt"
	"io"
	"testing"

	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/internal/lua"
)

// Which failures of a first Register RegisterRetry goes on after, and after which
// Redis may have done the work all the same.
func TestRetryable(t *testing.T) {
	for _, c := range []struct {
		err                error
		retryable, unknown bool
	}{
		{io.EOF, true, true},
		{context.DeadlineExceeded, true, true},
		{lua.ErrLate, true, true},
		{said("NOPERM no"), false, false}, // rights do not come by themselves
		{said("ERR unknown command 'evalsha'"), false, false},
		{fmt.Errorf("%w: sick", errdefs.ErrCheck), true, false},
		{context.Canceled, false, true},
		{errdefs.Invalid("TTL", ""), false, false},
		{&errdefs.NodeError{Node: "a", Err: errdefs.ErrConflict}, false, false},
		{errdefs.ErrSuperseded, false, false},
		{errdefs.ErrClosed, false, false},
	} {
		if got := Retryable(c.err); got != c.retryable {
			t.Errorf("%v: retryable %v", c.err, got)
		}
		if got := Unknown(c.err); got != c.unknown {
			t.Errorf("%v: unknown %v", c.err, got)
		}
	}
}
