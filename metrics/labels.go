package metrics

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/rollcall-go/rollcall/registry"
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

// kinds are the labels of errors.
var kinds = []struct {
	err    error
	result string
}{
	{registry.ErrNotFound, "not_found"},
	{registry.ErrInvalid, "invalid"},
	{registry.ErrConflict, "conflict"},
	{registry.ErrSuperseded, "superseded"},
	{registry.ErrPermission, "permission"},
	{registry.ErrClosed, "closed"},
	{registry.ErrUnavailable, "unavailable"},
	{context.Canceled, "canceled"},
}

// result returns the label of what came of a call.
func result(err error) string {
	if err == nil {
		return "ok"
	}
	for _, k := range kinds {
		if errors.Is(err, k.err) {
			return k.result
		}
	}
	return "error"
}
