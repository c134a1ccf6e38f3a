package registry

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/internal/lua"
	"github.com/rollcall-go/rollcall/internal/record"
)

// The sentinels that every failure of this package unwraps to, for errors.Is.
var (
	// ErrNotFound: no node of that service lives.
	ErrNotFound = errdefs.ErrNotFound

	// ErrWatcherStopped: Next was called after Stop.
	ErrWatcherStopped = errdefs.ErrWatcherStopped

	// ErrClosed: the registry was closed.
	ErrClosed = errdefs.ErrClosed

	// ErrInvalid: the input or an option is wrong, or the server is not one that the
	// options lead to or that can hold a registry; the text names the field. Nothing
	// was written. A server without a command that is needed is errors.ErrUnsupported
	// too.
	ErrInvalid = errdefs.ErrInvalid

	// ErrConflict: another process lives under that node ID and exclusive was
	// asked for, or a foreign value stands under one of our keys.
	ErrConflict = errdefs.ErrConflict

	// ErrSuperseded: a newer lease, or an operator, took the node over. It stays
	// so until Deregister.
	ErrSuperseded = errdefs.ErrSuperseded

	// ErrUnavailable: Redis did not answer, or cannot serve now. It may be tried
	// again.
	ErrUnavailable = errdefs.ErrUnavailable

	// ErrPermission: Redis refused the user or the command. docs/protocol.md
	// lists what is needed.
	ErrPermission = errdefs.ErrPermission
)

// OpError says which operation on which service and node failed.
type OpError struct {
	Op        string // "register", "deregister", "get", ...
	Namespace string // "" where the operation concerns none
	Service   string // "" where the operation concerns none
	Node      string // "" where it concerns several or none
	Err       error  // unwraps to a sentinel, and to what Redis or the network said
}

// Error reads "rollcall: register default/shop/10.0.0.1:80: ...".
func (e *OpError) Error() string {
	var on []string
	for _, s := range []string{e.Namespace, e.Service, e.Node} {
		if s != "" {
			on = append(on, printable(s))
		}
	}
	if len(on) == 0 {
		return fmt.Sprintf("rollcall: %s: %v", e.Op, e.Err)
	}
	return fmt.Sprintf("rollcall: %s %s: %v", e.Op, strings.Join(on, "/"), e.Err)
}

// printable is a name as it may stand in one line of text: quoted where it holds what is
// not to be printed.
func printable(s string) string {
	if quoted := strconv.Quote(s); quoted != `"`+s+`"` {
		return quoted
	}
	return s
}

// Unwrap returns the cause.
func (e *OpError) Unwrap() error { return e.Err }

// Timeout tells whether it was a time-out, as net.Error does.
func (e *OpError) Timeout() bool {
	var timeout interface{ Timeout() bool }
	return errors.As(e.Err, &timeout) && timeout.Timeout()
}

// nodeError says which node of a call an error is about.
type nodeError struct {
	node string
	err  error
}

func (e *nodeError) Error() string { return printable(e.node) + ": " + e.err.Error() }
func (e *nodeError) Unwrap() error { return e.err }

// failure is the error that a caller of op sees, or nil.
func failure(op, namespace, service string, err error) error {
	if err == nil {
		return nil
	}
	var about *nodeError
	var node string
	if errors.As(err, &about) {
		node, err = about.node, about.err
	}
	return &OpError{Op: op, Namespace: namespace, Service: service, Node: node, Err: classify(err)}
}

// invalid is an ErrInvalid that names the field and what to do.
func invalid(field, format string, args ...any) error {
	return fmt.Errorf("%w: %s: %s", ErrInvalid, field, fmt.Sprintf(format, args...))
}

// A oneLine is an error whose text is one line.
type oneLine struct{ error }

func (e oneLine) Error() string { return strings.ReplaceAll(e.error.Error(), "\n", "; ") }
func (e oneLine) Unwrap() error { return e.error }

// inOneLine makes one line of an error, such as go-redis's about several sentinels.
func inOneLine(err error) error {
	if err == nil || !strings.Contains(err.Error(), "\n") {
		return err
	}
	return oneLine{err}
}

// join is errors.Join in one line.
func join(errs ...error) error { return inOneLine(errors.Join(errs...)) }

// errCheck marks what a RegisterCheck said: the caller's own words.
var errCheck = errors.New("check failed")

// classify joins what Redis or the network said with the sentinel that it
// means. The end of the caller's own context by cancellation stays what it is.
func classify(err error) error {
	err = inOneLine(err)
	for _, s := range []error{
		nil, context.Canceled, errors.ErrUnsupported, errCheck,
		ErrNotFound, ErrWatcherStopped, ErrClosed, ErrInvalid, ErrConflict, ErrSuperseded, ErrUnavailable, ErrPermission,
	} {
		if errors.Is(err, s) {
			return err
		}
	}
	var wrong *lua.WrongTypeError
	switch {
	case errors.As(err, &wrong), redis.HasErrorPrefix(err, "WRONGTYPE"):
		return fmt.Errorf("%w: %w; another program uses this key: choose another Prefix", ErrConflict, err)
	case errors.Is(err, record.ErrMalformed), errors.Is(err, record.ErrTooLarge):
		return fmt.Errorf("%w: %w", ErrConflict, err)
	case errors.Is(err, redis.ErrClosed): // by Close, with this call under way
		return fmt.Errorf("%w: %w", ErrClosed, err)
	case remedied(err, lua.Refusal(err)) != nil:
		return remedied(err, lua.Refusal(err))
	case lua.IsPermission(err):
		return fmt.Errorf("%w: %w: %s", ErrPermission, err, right(err))
	}
	if wrong := mistake(err); wrong != nil {
		return wrong
	}
	var network *net.OpError
	if errors.As(err, &network) && network.Op == "dial" {
		return fmt.Errorf("%w: %w: check the address in Addrs or URL, and that Redis runs there", ErrUnavailable, err)
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}
