package redistest

import (
	"sync"
	"time"

	"github.com/Shopify/toxiproxy/v2/stream"
	"github.com/Shopify/toxiproxy/v2/toxics"
)

// A fault is what a proxy does to its connections. The zero value is none.
type fault struct {
	stall       bool
	dropReplies bool
	latency     time.Duration // of replies
}

// A network is the state that the gates of all connections of a proxy follow.
type network struct {
	mu      sync.Mutex
	now     fault
	changed chan struct{} // closed when now is replaced
	cut     chan struct{} // closed when the connections are
}

func newNetwork() *network {
	return &network{changed: make(chan struct{}), cut: make(chan struct{})}
}

// set replaces the fault; cut also ends every gate.
func (n *network) set(f fault, cut bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.now = f
	close(n.changed)
	n.changed = make(chan struct{})
	if cut {
		close(n.cut)
		n.cut = make(chan struct{})
	}
}

func (n *network) get() (now fault, changed, cut <-chan struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.now, n.changed, n.cut
}

// A gate is the toxic that passes, delays, holds or drops the bytes of one
// direction. It stays in place for the life of the proxy: adding and removing
// the toxics of the library waits for links to come to rest, forever where a
// client does not read, and leaves goroutines behind where one is gone.
type gate struct {
	network *network
	replies bool // or requests
}

const gateType = "rollcall_gate"

func init() { toxics.Register(gateType, new(gate)) }

// GetBufferSize implements toxics.BufferedToxic: chunks wait here for their time.
func (*gate) GetBufferSize() int { return 1024 }

// Pipe implements toxics.Toxic for one connection. It returns when that ends.
func (g *gate) Pipe(stub *toxics.ToxicStub) {
	_, _, cut := g.network.get()
	var held *stream.StreamChunk // taken, not yet passed on
	lost := false                // bytes of this connection were dropped
	for {
		f, changed, _ := g.network.get()
		if held != nil && f.dropReplies && g.replies {
			held, lost = nil, true
		}
		if lost && !f.dropReplies {
			end(stub) // nothing can follow the gap
			return
		}

		var input <-chan *stream.StreamChunk
		var output chan<- *stream.StreamChunk
		var due <-chan time.Time
		switch {
		case f.stall:
		case held == nil:
			input = stub.Input
		case g.replies && time.Since(held.Timestamp) < f.latency:
			due = time.After(f.latency - time.Since(held.Timestamp))
		default:
			output = stub.Output
		}

		select {
		case <-cut:
			end(stub)
			return
		case held = <-input:
			if held == nil { // the sender has closed
				stub.Close()
				return
			}
		case output <- held:
			held = nil
		case <-due:
		case <-changed:
		}
	}
}

// end closes the connection and lets its reader run out.
func end(stub *toxics.ToxicStub) {
	stub.Close()
	for range stub.Input {
	}
}
