package discovery

import (
	"io"
	"net/http"
	"testing"
)

// A probe is a body that notes which of its calls find the mutex held.
type probe struct {
	o     *outgoing
	calls int
	held  []string
}

func (p *probe) call(what string) {
	if p.calls++; !p.o.mu.TryLock() {
		p.held = append(p.held, what)
		return
	}
	p.o.mu.Unlock()
}

func (p *probe) Read([]byte) (int, error) { p.call("Read"); return 1, nil }
func (p *probe) Close() error             { p.call("Close"); return nil }

// The body of a request is the user's: it may block, and is called under no mutex.
func TestBodiesAreCalledUnderNoMutex(t *testing.T) {
	for name, use := range map[string]func(*outgoing){
		"read and closed": func(o *outgoing) {
			_, _ = o.Read(make([]byte, 1))
			_ = o.Close()
		},
		"closed and settled": func(o *outgoing) {
			_ = o.Close()
			o.settle(o.req)
		},
		"read and tried again": func(o *outgoing) {
			_, _ = o.Read(make([]byte, 1))
			_, _ = o.next(o.req)
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := &probe{}
			req := &http.Request{Body: p, GetBody: func() (io.ReadCloser, error) { p.call("GetBody"); return p, nil }}
			var first *outgoing
			var err error
			if p.o, err = first.next(req); err != nil {
				t.Fatal(err)
			}
			if use(p.o); len(p.held) > 0 || p.calls == 0 {
				t.Errorf("of %d calls, the mutex is held in %q", p.calls, p.held)
			}
		})
	}
}
