package httpcall

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"time"
)

// Progress is how far a request has come on its way to a node, as far as an http.Transport
// reports it.
type Progress struct {
	asked   atomic.Bool // for a connection: the request is a good one
	dialing atomic.Bool // or looking up the host
	got     atomic.Bool // a connection
}

// Trace returns a context by which an http.Transport reports the progress.
func (p *Progress) Trace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn:      func(string) { p.asked.Store(true) },
		DNSStart:     func(httptrace.DNSStartInfo) { p.dialing.Store(true) },
		ConnectStart: func(string, string) { p.dialing.Store(true) },
		GotConn:      func(httptrace.GotConnInfo) { p.got.Store(true) },
	})
}

// Unconnected says whether the request has got no connection.
func (p *Progress) Unconnected() bool { return p.asked.Load() && !p.got.Load() }

// Asked says whether a connection was asked for. If not, the request is a bad one.
func (p *Progress) Asked() bool { return p.asked.Load() }

// Dialing says whether a new connection was begun.
func (p *Progress) Dialing() bool { return p.dialing.Load() }

// TooLarge says whether the header of the response was over the client's own limit, by the
// texts of errors that net/http does not export.
func TooLarge(err error) bool {
	text := err.Error()
	return strings.Contains(text, "net/http: server response headers exceeded") ||
		strings.Contains(text, "http2: response header list larger than advertised limit")
}

// Ended says how the caller has ended a request: nil, context.Canceled or
// context.DeadlineExceeded. With http.Client.Timeout the context has a deadline, and
// Request.Cancel is closed when it comes, in no certain order.
func Ended(req *http.Request) error {
	ctx := req.Context()
	if err := ctx.Err(); errors.Is(err, context.Canceled) {
		return context.Canceled
	}
	if end, ok := ctx.Deadline(); ok && !time.Now().Before(end) {
		return context.DeadlineExceeded
	}
	//lint:ignore SA1019 http.Client with a Timeout closes it
	cancelled := req.Cancel
	select {
	case <-cancelled:
		return context.Canceled
	default:
		return nil
	}
}
