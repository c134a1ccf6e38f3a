package hertzadapter

import (
	"errors"
	"io"

	"github.com/cloudwego/hertz/pkg/protocol"
)

// A bodyReader reads the stream that is the body of a request, and notes why that
// failed: it is the caller's affair and no node's.
type bodyReader struct {
	io.Reader
	stream io.Reader // the caller's
	err    error
}

// watchBody has a bodyReader read the body of req. It is nil where that is no stream.
// Hertz takes the size from an io.LimitedReader, so such a one stays one.
func watchBody(req *protocol.Request) *bodyReader {
	if !req.IsBodyStream() {
		return nil
	}
	b := &bodyReader{Reader: req.BodyStream(), stream: req.BodyStream()}
	var watched io.Reader = b
	if limited, ok := b.stream.(*io.LimitedReader); ok {
		b.Reader = limited.R
		watched = &io.LimitedReader{R: b, N: limited.N}
	}
	req.ConstructBodyStream(req.BodyBuffer(), watched)
	return b
}

// release gives a stream that was not used up back to the request.
func (b *bodyReader) release(req *protocol.Request) {
	if req.IsBodyStream() {
		req.ConstructBodyStream(req.BodyBuffer(), b.stream)
	}
}

// failed reports whether err comes from reading the body.
func (b *bodyReader) failed(err error) bool { return b != nil && b.err != nil && errors.Is(err, b.err) }

func (b *bodyReader) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err != nil && err != io.EOF {
		b.err = err
	}
	return n, err
}

func (b *bodyReader) Close() error {
	if c, ok := b.stream.(io.Closer); ok {
		return c.Close()
	}
	return nil
}
