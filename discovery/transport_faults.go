package discovery

import (
	"context"
	"net/http"
	"strings"

	"github.com/rollcall-go/rollcall/internal/httpcall"
)

// classify says whose fault a failed request is. Classify sees the error alone, and here
// more is known.
func (t *transport) classify(err error, req *http.Request, seen *httpcall.Progress, body *httpcall.Body) CallError {
	c := Classify(err)
	base, _ := t.base.(*http.Transport)
	switch {
	case httpcall.Ended(req) == context.Canceled, t.unasked(seen), body.Failed(err), httpcall.TooLarge(err):
		return CallError{Err: err, Fault: FaultCaller}
	case base != nil && base.MaxConnsPerHost > 0 && seen.Unconnected() && !seen.Dialing():
		return CallError{Err: err, Fault: FaultCaller, Unsent: true} // its own connections are all in use
	case strings.HasSuffix(err.Error(), "http: server closed idle connection"):
		c.Fault = FaultNeither
	}
	c.Unsent = (c.Unsent || seen.Unconnected()) && body.Again()
	return c
}

// unasked says whether an http.Transport has not even asked for a connection.
func (t *transport) unasked(seen *httpcall.Progress) bool {
	_, traced := t.base.(*http.Transport)
	return traced && !seen.Asked()
}
