// Package httpcall follows a request on its way to one node and its response on the way
// back. It knows no resolver.
package httpcall

import (
	"errors"
	"io"
	"net/http"
	"sync"
)

// A Body is the body of a request on its way to one node. It notes the errors of reading it,
// which are the caller's and no node's. A body that was not read is not closed: if its node
// could not be reached, it goes to the next one.
type Body struct {
	req *http.Request

	mu      sync.Mutex
	body    io.ReadCloser // nil: the request has none, or the next try has it
	size    int64         // in bytes, of what was read
	touched bool          // it was read from
	ended   bool          // it was read to its end
	err     error         // of reading it
	closed  bool          // by the transport
	settled bool          // there is no other try
}

// Next returns the body for the next try. o is that of the last try, nil before the first.
func (o *Body) Next(req *http.Request) (*Body, error) {
	n := &Body{req: req, body: req.Body}
	if o == nil || req.Body == nil {
		return n, nil
	}
	o.mu.Lock()
	touched := o.touched
	if !touched {
		n.body, o.body = o.body, nil
	}
	o.mu.Unlock()
	if !touched {
		return n, nil
	}
	body, err := req.GetBody()
	n.body = body
	return n, err
}

// Again says whether there can be another try.
func (o *Body) Again() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return !o.touched || o.req.GetBody != nil
}

// Failed says whether err is that of the body: it could not be read, or is not as long as the
// request says.
func (o *Body) Failed(err error) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	want := o.req.ContentLength
	return o.err != nil && errors.Is(err, o.err) || o.ended && want > 0 && o.size != want
}

// Read notes how much was read, and the error.
func (o *Body) Read(b []byte) (int, error) {
	o.mu.Lock()
	body := o.body
	o.touched = o.touched || body != nil
	o.mu.Unlock()
	if body == nil {
		return 0, http.ErrBodyReadAfterClose
	}
	n, err := body.Read(b)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.size += int64(n)
	o.ended = err == io.EOF
	if err != nil && err != io.EOF && !o.closed { // else it was cut off for another reason
		o.err = err
	}
	return n, err
}

// Close closes a body that was read. One that was not is closed by Settle.
func (o *Body) Close() error {
	o.mu.Lock()
	o.closed = true
	body, now := o.body, o.touched || o.settled
	o.mu.Unlock()
	if body == nil || !now {
		return nil
	}
	return body.Close()
}

// Settle is called when there is no other try. o is nil if there was no try.
func (o *Body) Settle(req *http.Request) {
	switch {
	case req.Body == nil:
		return
	case o == nil:
		_ = req.Body.Close()
		return
	}
	o.mu.Lock()
	o.settled = true
	body, now := o.body, o.closed && !o.touched
	o.mu.Unlock()
	if body != nil && now {
		_ = body.Close()
	}
}

// Repeatable says whether a request may be sent again.
func Repeatable(req *http.Request) bool {
	if req.Body != nil && req.Body != http.NoBody && req.GetBody == nil {
		return false
	}
	switch req.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete:
		return true
	}
	_, key := req.Header["Idempotency-Key"]
	return key
}
