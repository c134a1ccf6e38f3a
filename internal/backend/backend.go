// Package backend is where an in-process server announces itself, so that
// package registry can start one by name without linking it: the program that
// imports the server's package chooses, not the one that imports registry.
package backend

import "sync"

// Start starts a server on addr, host:port; "" means 127.0.0.1 and a free port.
// It returns the address that clients dial, host:port, and a function that stops
// the server.
type Start func(addr string) (bound string, stop func() error, err error)

var (
	mu     sync.RWMutex
	starts = map[string]Start{}
)

// Register makes s known as name. It is called from the init of the server's
// package; the last one of a name wins.
func Register(name string, s Start) {
	mu.Lock()
	defer mu.Unlock()
	starts[name] = s
}

// Lookup returns what was registered as name, and whether anything was.
func Lookup(name string) (Start, bool) {
	mu.RLock()
	defer mu.RUnlock()
	s, ok := starts[name]
	return s, ok
}
