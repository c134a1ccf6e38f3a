package discovery

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"syscall"

	"github.com/cenkalti/backoff/v4"
	"github.com/rollcall-go/rollcall/internal/balance"
)

// A Fault says who caused the failure of a call.
type Fault int

const (
	// FaultNode counts against the node: it refused the connection, hung up, was late, or
	// sent what cannot be read. The call may succeed on another node.
	FaultNode Fault = iota

	// FaultNeither: neither side is at fault, such as when an idle connection was closed just
	// when the call used it. It does not count against the node, and the call may succeed on
	// another one.
	FaultNeither

	// FaultCaller does not count against the node, and the call would fail on another
	// one too: the caller gave up, its request is bad, or it has reached a limit of its
	// own.
	FaultCaller

	// NoFault: the call has not failed. The error is the answer of the node, such as "no
	// such order": no other node is tried.
	NoFault
)

// A CallError says what an error of a call means to Do and Done. Return it if you know that
// better than Classify. Its text is that of Err.
type CallError struct {
	Err   error
	Fault Fault

	// Unsent says that the node has received nothing of the call. Then the call is tried
	// on another node in any case: also with Once, and also if a limit of the caller was
	// reached, such as one on connections to a host.
	Unsent bool
}

// Error returns the text of Err.
func (e *CallError) Error() string {
	if e.Err == nil {
		return "call failed"
	}
	return e.Err.Error()
}

// Unwrap returns Err.
func (e *CallError) Unwrap() error { return e.Err }

// Permanent marks an error of a call as the answer of the node: it does not count against
// the node, no other node is tried, and Do returns err as it is. Permanent(nil) is nil. It
// is short for a *CallError with NoFault.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &CallError{Err: err, Fault: NoFault}
}

// Classify says what an error of a call means:
//
//	error                                           Fault        Unsent
//	*CallError                                      what it says
//	Permanent, and Permanent of backoff/v4          NoFault
//	context.Canceled                                FaultCaller
//	no file descriptors, buffers or memory left     FaultCaller
//	no local address or port to dial from           FaultCaller  yes
//	the caller's proxy cannot be reached            FaultCaller  yes
//	a dial that failed or was late; no such host    FaultNode    yes
//	a certificate that does not fit; no TLS there   FaultNode    yes
//	any other, also a deadline that passed          FaultNode
//
// The Err of the result is the error inside a *CallError or a Permanent, or else err. Do
// not call it with a nil error.
func Classify(err error) CallError {
	var known *CallError
	var answer *backoff.PermanentError
	var op *net.OpError
	switch {
	case errors.As(err, &known):
		c := *known
		c.Err = cmp.Or(c.Err, err)
		return c
	case errors.As(err, &answer):
		return CallError{Err: answer.Err, Fault: NoFault}
	case errors.Is(err, context.Canceled) || exhausted(err):
		return CallError{Err: err, Fault: FaultCaller}
	case errors.Is(err, syscall.EADDRNOTAVAIL), errors.As(err, &op) && op.Op == "proxyconnect":
		return CallError{Err: err, Fault: FaultCaller, Unsent: true}
	}
	return CallError{Err: err, Fault: FaultNode, Unsent: unconnected(err)}
}

// exhausted says whether this machine or process has run out of something.
func exhausted(err error) bool {
	for _, e := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// unconnected says whether there was no connection that could carry the call.
func unconnected(err error) bool {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return true
	}
	var (
		name        *net.DNSError
		address     *net.AddrError
		certificate *tls.CertificateVerificationError
		noTLS       tls.RecordHeaderError
	)
	return errors.As(err, &name) || errors.As(err, &address) ||
		errors.As(err, &certificate) || errors.As(err, &noTLS)
}

// elsewhere says whether the call may be made on another node; once: it must not be
// made twice.
func (e *CallError) elsewhere(once bool) bool {
	switch {
	case e.Unsent:
		return true
	case once:
		return false
	}
	return e.Fault == FaultNode || e.Fault == FaultNeither
}

// result is what the error says of the node.
func (e *CallError) result() balance.Result {
	switch e.Fault {
	case NoFault:
		return balance.OK
	case FaultNode:
		return balance.Failed
	}
	return balance.Unknown
}
