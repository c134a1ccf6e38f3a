package hertzadapter

import (
	"errors"
	"io"
	"net"
	"strings"

	hertzerrors "github.com/cloudwego/hertz/pkg/common/errors"

	"github.com/rollcall-go/rollcall/discovery"
)

// classify says what an error of Hertz's client means. What it does not know is no
// failure of the network, but what another middleware says: that is not tried again,
// and counts against no node.
func classify(err error) discovery.CallError {
	c := discovery.Classify(err)
	var (
		own     *hertzerrors.Error
		network net.Error
	)
	switch isOwn := errors.As(err, &own); {
	case c.Fault != discovery.FaultNode || c.Unsent:
	case errors.Is(err, hertzerrors.ErrNoFreeConns): // to this node; to another there may be some
		c.Fault, c.Unsent = discovery.FaultCaller, true
	case errors.Is(err, hertzerrors.ErrBodyTooLarge), errors.Is(err, hertzerrors.ErrHeaderTooLarge),
		isOwn && own.Error() == "not support tls": // netpoll, which is the default
		c.Fault = discovery.FaultCaller
	case errors.Is(err, hertzerrors.ErrBadPoolConn), // was closed while it was idle
		isOwn && own.Err == hertzerrors.ErrTimeout && own.Meta == "host client": // no time was left to wait at all
		c.Fault = discovery.FaultNeither
	case errors.Is(err, hertzerrors.ErrTimeout), errors.Is(err, hertzerrors.ErrConnectionClosed),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.As(err, &network), isOwn && own.IsType(hertzerrors.ErrorTypePublic),
		strings.HasPrefix(err.Error(), "error when reading response headers"): // it broke off there
	default:
		c.Fault = discovery.FaultCaller
	}
	return c
}
