package discovery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/rollcall-go/rollcall/registry"
)

// The errors of this package, for errors.Is. Every failure is a *registry.OpError. The
// errors of package registry come too: ErrNotFound for a service that has never existed, or
// has had no node for a day; ErrUnavailable if nothing is known of it because Redis is away;
// ErrPermission; ErrInvalid; and ErrClosed after Close.
var (
	// ErrNoNodes: the service exists, and no node of it can be picked. The text says
	// whether it has none, or how many the options and registry.NoTraffic left out.
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
	return &registry.OpError{Op: op, Namespace: namespace, Service: service, Err: inLine(bare(err))}
}

// failure is that of a call of the Resolver.
func (r *Resolver) failure(op, namespace, service string, err error) error {
	return failure(op, r.namespace(namespace), service, err)
}

// namespace is the one that was asked for or, where none was, the source's own. It is ""
// where the source does not tell.
func (r *Resolver) namespace(asked string) string { return cmp.Or(asked, ownNamespace(r.src)) }

func ownNamespace(src Source) string {
	switch src := src.(type) {
	case *StaticSource:
		return defaultNamespace
	case interface{ Options() registry.Options }: // *registry.Redis, and what wraps it
		if !isNil(src) {
			return src.Options().Namespace
		}
	}
	return ""
}

// bare is what the source says, without its own name for the operation, and before the
// deadline that it has met.
func bare(err error) error {
	switch e := err.(type) {
	case *registry.OpError:
		return bare(e.Err)
	case interface{ Unwrap() []error }:
		switch all := e.Unwrap(); {
		case len(all) == 1:
			return bare(all[0])
		case len(all) != 2 || all[0] != context.DeadlineExceeded:
		case errors.Is(all[1], all[0]):
			return bare(all[1])
		default:
			return fmt.Errorf("%w; %w", bare(all[1]), all[0])
		}
	}
	return err
}

// inLine is an error whose text is one line that can be printed.
func inLine(err error) error {
	if err == nil || !strings.ContainsFunc(err.Error(), unprintable) {
		return err
	}
	var b strings.Builder
	for _, c := range strings.ReplaceAll(err.Error(), "\n", "; ") {
		if unprintable(c) {
			b.WriteString(strings.Trim(strconv.QuoteRune(c), "'"))
		} else {
			b.WriteRune(c)
		}
	}
	return &inLineError{b.String(), err}
}

func unprintable(c rune) bool { return !strconv.IsPrint(c) }

type inLineError struct {
	text string
	err  error
}

func (e *inLineError) Error() string { return e.text }
func (e *inLineError) Unwrap() error { return e.err }

var errNoContext = invalid("the context is nil: use context.Background")

// isNil tells that v is nil, or holds a nil pointer.
func isNil(v any) bool {
	p := reflect.ValueOf(v)
	return v == nil || p.Kind() == reflect.Pointer && p.IsNil()
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", registry.ErrInvalid, fmt.Sprintf(format, args...))
}
