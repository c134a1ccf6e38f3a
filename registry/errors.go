package registry

import (
	"errors"
	"fmt"
	"strings"

	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/internal/redisconn"
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
			on = append(on, errdefs.Printable(s))
		}
	}
	if len(on) == 0 {
		return fmt.Sprintf("rollcall: %s: %v", e.Op, e.Err)
	}
	return fmt.Sprintf("rollcall: %s %s: %v", e.Op, strings.Join(on, "/"), e.Err)
}

// Unwrap returns the cause.
func (e *OpError) Unwrap() error { return e.Err }

// Timeout tells whether it was a time-out, as net.Error does.
func (e *OpError) Timeout() bool {
	var timeout interface{ Timeout() bool }
	return errors.As(e.Err, &timeout) && timeout.Timeout()
}

// failure is the error that a caller of op sees, or nil.
func failure(op, namespace, service string, err error) error {
	if err == nil {
		return nil
	}
	var about *errdefs.NodeError
	var node string
	if errors.As(err, &about) {
		node, err = about.Node, about.Err
	}
	return &OpError{Op: op, Namespace: namespace, Service: service, Node: node, Err: redisconn.Classify(err)}
}
