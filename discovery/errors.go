package discovery

import (
	"errors"
	"fmt"

	"github.com/rollcall-go/rollcall/registry"
)

// The sentinels of this package, for errors.Is. Every failure is a
// *registry.OpError, and those of package registry come through as well:
// ErrNotFound for a service that has never existed, or not for a day, ErrUnavailable where nothing is
// known of it because Redis is away, ErrPermission, ErrInvalid, and ErrClosed after
// Close.
var (
	// ErrNoNodes: the service is known, and no node of it may be picked. Where nodes
	// are left out for their weight, registry.NoTraffic, the error says how many.
	ErrNoNodes = errors.New("no nodes")

	// ErrStale: contact with Redis was lost longer than MaxStale ago.
	ErrStale = errors.New("view is too old")
)

// sameKind tells whether two errors mean the same to who looks for a sentinel.
func sameKind(a, b error) bool {
	for _, s := range []error{registry.ErrUnavailable, registry.ErrPermission, registry.ErrInvalid, registry.ErrClosed} {
		if errors.Is(a, s) != errors.Is(b, s) {
			return false
		}
	}
	return true
}

// failure says which operation on which service failed.
func failure(op, namespace, service string, err error) error {
	return &registry.OpError{Op: op, Namespace: namespace, Service: service, Err: err}
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", registry.ErrInvalid, fmt.Sprintf(format, args...))
}
