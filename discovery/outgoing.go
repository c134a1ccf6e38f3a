package discovery

import (
	"errors"
	"io"
	"net/http"
	"sync"
)

// An outgoing is the body of a request on its way to one node. It notes what comes of
// reading it, which is the caller's affair and no node's. A body that was not read is
// not closed: if its node could not be reached, it is for the next one.
type outgoing struct {
	req *http.Request

	mu      sync.Mutex
	body    io.ReadCloser // nil: of no request, or handed on
	size    int64         // as far as it was read
	touched bool          // it was read from
	ended   bool          // it was read to its end
	err     error         // that reading it came to
	closed  bool          // by the transport
	settled bool          // there will be no other try
}

// next makes the body for the next try; o is that of the last one, nil before.
func (o *outgoing) next(req *http.Request) (*outgoing, error) {
	n := &outgoing{req: req, body: req.Body}
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

// again tells whether there can be another try.
func (o *outgoing) again() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return !o.touched || o.req.GetBody != nil
}

// failed tells that err is the body's: it could not be read, or is not as long as the
// request says.
func (o *outgoing) failed(err error) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	want := o.req.ContentLength
	return o.err != nil && errors.Is(err, o.err) || o.ended && want > 0 && o.size != want
}

func (o *outgoing) Read(b []byte) (int, error) {
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

// Close closes a body that was read, and any once it is settled.
func (o *outgoing) Close() error {
	o.mu.Lock()
	o.closed = true
	body, now := o.body, o.touched || o.settled
	o.mu.Unlock()
	if body == nil || !now {
		return nil
	}
	return body.Close()
}

// settle says that there will be no other try. Where there was none, o is nil.
func (o *outgoing) settle(req *http.Request) {
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
