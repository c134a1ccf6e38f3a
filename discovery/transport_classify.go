package discovery

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"time"
)

// A progress is how far a request has come on its way to a node, as far as an
// http.Transport tells.
type progress struct {
	asked   atomic.Bool // for a connection: the request is a good one
	dialing atomic.Bool // or looking up the host
	got     atomic.Bool // a connection
}

// trace returns a context by which an http.Transport tells of the progress.
func (p *progress) trace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn:      func(string) { p.asked.Store(true) },
		DNSStart:     func(httptrace.DNSStartInfo) { p.dialing.Store(true) },
		ConnectStart: func(string, string) { p.dialing.Store(true) },
		GotConn:      func(httptrace.GotConnInfo) { p.got.Store(true) },
	})
}

// unconnected tells that the request was sent over no connection.
func (p *progress) unconnected() bool { return p.asked.Load() && !p.got.Load() }

// classify says what it means that a request has failed: Classify goes by the error
// alone, and here is more to go by.
func (t *transport) classify(err error, req *http.Request, seen *progress, body *outgoing) CallError {
	c := Classify(err)
	base, _ := t.base.(*http.Transport)
	switch {
	case ended(req) == context.Canceled, t.unasked(seen), body.failed(err), tooLarge(err):
		return CallError{Err: err, Fault: FaultCaller}
	case base != nil && base.MaxConnsPerHost > 0 && seen.unconnected() && !seen.dialing.Load():
		return CallError{Err: err, Fault: FaultCaller, Unsent: true} // its own connections are all in use
	case strings.HasSuffix(err.Error(), "http: server closed idle connection"):
		c.Fault = FaultNobody
	}
	c.Unsent = (c.Unsent || seen.unconnected()) && body.again()
	return c
}

// unasked tells that an http.Transport has not even asked for a connection.
func (t *transport) unasked(seen *progress) bool {
	_, traced := t.base.(*http.Transport)
	return traced && !seen.asked.Load()
}

// tooLarge tells that the header of the response is over the client's own limit, by
// the texts of errors that net/http does not export.
func tooLarge(err error) bool {
	text := err.Error()
	return strings.Contains(text, "net/http: server response headers exceeded") ||
		strings.Contains(text, "http2: response header list larger than advertised limit")
}

// ended says how the caller has ended a request: nil, context.Canceled or
// context.DeadlineExceeded. With http.Client.Timeout the context has a deadline, and
// Request.Cancel is closed when it comes, in no certain order.
func ended(req *http.Request) error {
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
