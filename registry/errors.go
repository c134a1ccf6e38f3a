package registry

import (
	"errors"
	"fmt"
	"strings"

	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/internal/redisconn"
)

// The errors that every failure of this package unwraps to, for errors.Is.
var (
	// ErrNotFound: the service has no live node.
	ErrNotFound = errdefs.ErrNotFound

	// ErrWatcherStopped: Next was called after Stop.
	ErrWatcherStopped = errdefs.ErrWatcherStopped

	// ErrClosed: the registry was closed.
	ErrClosed = errdefs.ErrClosed

	// ErrInvalid: an argument or an option is wrong, or the server does not suit the
	// options. The text names the field. Nothing was written. If the server lacks a
	// command that a registry needs, the error is errors.ErrUnsupported too.
	ErrInvalid = errdefs.ErrInvalid

	// ErrConflict: RegisterExclusive was given and another process holds a live lease
	// of that node ID, or a key of Rollcall in Redis holds a value of another program:
	// then choose another Prefix.
	ErrConflict = errdefs.ErrConflict

	// ErrSuperseded: another process has taken a newer lease of the node, or an operator
	// has removed the node. Register returns it until Deregister.
	ErrSuperseded = errdefs.ErrSuperseded

	// ErrUnavailable: Redis did not answer, or cannot serve the call now. Try again
	// later.
	ErrUnavailable = errdefs.ErrUnavailable

	// ErrPermission: Redis refused the user or the command. docs/protocol.md lists the
	// rights that a registry needs.
	ErrPermission = errdefs.ErrPermission
)

// OpError says which operation on which service and node failed.
type OpError struct {
	Op        string // "register", "deregister", "get", ...
	Namespace string // "" if the operation has none
	Service   string // "" if the operation has none
	Node      string // "" if the operation has several or none
	Err       error  // unwraps to a sentinel, and to the error of Redis or the network
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

// Timeout reports whether the cause was a time-out, as net.Error does.
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
