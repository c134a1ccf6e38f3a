package httpcall

import (
	"io"
	"sync/atomic"
)

// Follow returns the body of a response. It calls end with nil when the body was read to its
// end or closed, and with the error when it broke off; flowed says whether something of it
// came. end may be called several times.
func Follow(body io.ReadCloser, end func(err error, flowed bool)) io.ReadCloser {
	f := &followed{ReadCloser: body, end: end}
	if w, ok := body.(io.Writer); ok { // of a protocol that was switched to
		return struct {
			*followed
			io.Writer
		}{f, w}
	}
	return f
}

// A followed is the body of a response.
type followed struct {
	io.ReadCloser
	end   func(err error, flowed bool)
	flows atomic.Bool // something of it has come
}

func (f *followed) Read(b []byte) (int, error) {
	n, err := f.ReadCloser.Read(b)
	if n > 0 {
		f.flows.Store(true)
	}
	switch {
	case err == io.EOF:
		f.end(nil, f.flows.Load())
	case err != nil:
		f.end(err, f.flows.Load())
	}
	return n, err
}

func (f *followed) Close() error {
	defer func() { f.end(nil, f.flows.Load()) }()
	return f.ReadCloser.Close()
}
