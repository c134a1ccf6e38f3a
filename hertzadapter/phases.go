package hertzadapter

import (
	"runtime"
	"sync"
	"weak"

	hertzregistry "github.com/cloudwego/hertz/pkg/app/server/registry"
)

// A phase is how far an Info has come, before or after it is live.
type phase int

const (
	fresh phase = iota // neither Register nor Deregister was called
	early              // Deregister was called, and its Register is still to come
	met                // Register was called: a Deregister that finds nothing is one too many
)

// phases holds the phase of each Info that the program still holds. An Info that was
// garbage collected cannot be registered again, so its entry is removed.
type phases struct {
	mu *sync.Mutex // of the registrar
	of map[weak.Pointer[hertzregistry.Info]]phase
}

func newPhases(mu *sync.Mutex) phases {
	return phases{mu, make(map[weak.Pointer[hertzregistry.Info]]phase)}
}

// get returns the phase of an Info. mu is held.
func (p phases) get(info *hertzregistry.Info) phase { return p.of[weak.Make(info)] }

// set changes the phase of an Info. mu is held.
func (p phases) set(info *hertzregistry.Info, to phase) {
	key := weak.Make(info)
	if _, known := p.of[key]; !known {
		runtime.AddCleanup(info, p.forget, key)
	}
	p.of[key] = to
}

func (p phases) forget(key weak.Pointer[hertzregistry.Info]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.of, key)
}
