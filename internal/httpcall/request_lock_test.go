package httpcall

import (
	"io"
	"net/http"
	"testing"
)

// A probe is a body that notes which of its calls find the mutex held.
type probe struct {
	o     *Body
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
	for name, use := range map[string]func(*Body){
		"read and closed": func(o *Body) {
			_, _ = o.Read(make([]byte, 1))
			_ = o.Close()
		},
		"closed and settled": func(o *Body) {
			_ = o.Close()
			o.Settle(o.req)
		},
		"read and tried again": func(o *Body) {
			_, _ = o.Read(make([]byte, 1))
			_, _ = o.Next(o.req)
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := &probe{}
			req := &http.Request{Body: p, GetBody: func() (io.ReadCloser, error) { p.call("GetBody"); return p, nil }}
			var first *Body
			var err error
			if p.o, err = first.Next(req); err != nil {
				t.Fatal(err)
			}
			if use(p.o); len(p.held) > 0 || p.calls == 0 {
				t.Errorf("of %d calls, the mutex is held in %q", p.calls, p.held)
			}
		})
	}
}
