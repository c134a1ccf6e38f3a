package discovery

import (
	"cmp"
	"fmt"
	"reflect"

	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/internal/listed"
	"github.com/rollcall-go/rollcall/internal/views"
	"github.com/rollcall-go/rollcall/registry"
)

// The errors of this package, for errors.Is. Every failure is a *registry.OpError. The
// errors of package registry come too: ErrNotFound for a service that has never existed, or
// has had no node for a day; ErrUnavailable if nothing is known of it because Redis is away;
// ErrPermission; ErrInvalid; and ErrClosed after Close.
var (
	// ErrNoNodes: the service exists, and no node of it can be picked. The text says
	// whether it has none, or how many the options and registry.NoTraffic left out.
	ErrNoNodes = views.ErrNoNodes

	// ErrStale: contact with Redis was lost longer than MaxStale ago.
	ErrStale = views.ErrStale
)

// failure says which operation on which service failed.
func failure(op, namespace, service string, err error) error {
	return &registry.OpError{Op: op, Namespace: namespace, Service: service, Err: errdefs.OneLine(views.Bare(err))}
}

// failure is that of a call of the Resolver.
func (r *Resolver) failure(op, namespace, service string, err error) error {
	return failure(op, r.namespace(namespace), service, err)
}

// namespace returns the namespace of a call: the one that it names, or else the source's own,
// which is "" if the source does not say it.
func (r *Resolver) namespace(asked string) string { return cmp.Or(asked, ownNamespace(r.src)) }

func ownNamespace(src Source) string {
	switch src := src.(type) {
	case *StaticSource:
		return listed.DefaultNamespace
	case interface{ Options() registry.Options }: // *registry.Redis, and what wraps it
		if !isNil(src) {
			return src.Options().Namespace
		}
	}
	return ""
}

// isNil says whether v is nil, or holds a nil pointer.
func isNil(v any) bool {
	p := reflect.ValueOf(v)
	return v == nil || p.Kind() == reflect.Pointer && p.IsNil()
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", registry.ErrInvalid, fmt.Sprintf(format, args...))
}
