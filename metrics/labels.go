package metrics

import (
	"strings"
	"sync"

	"github.com/rollcall-go/rollcall/internal/errdefs"
)

// A key is the two labels of a service.
type key struct{ namespace, service string }

// Labels bounds how many keys there are.
type labels struct {
	most int

	mu    sync.Mutex
	known map[key]bool
}

// of returns the labels of a service.
func (l *labels) of(namespace, service string) key {
	k := key{valid(namespace), valid(service)}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.known[k] {
		if len(l.known) >= l.most {
			return key{Other, Other}
		}
		l.known[k] = true
	}
	return k
}

// valid makes text one that Prometheus takes as a label.
func valid(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }

// result returns the label of what came of a call.
func result(err error) string {
	if err == nil {
		return "ok"
	}
	return errdefs.Label(err)
}
