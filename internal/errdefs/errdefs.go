// Package errdefs holds the kinds of failure that every layer of the registry shares.
// Package registry documents them under the same names.
package errdefs

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// The kinds of failure, for errors.Is.
var (
	ErrNotFound       = errors.New("not found")
	ErrWatcherStopped = errors.New("watcher stopped")
	ErrClosed         = errors.New("registry closed")
	ErrInvalid        = errors.New("invalid")
	ErrConflict       = errors.New("conflict")
	ErrSuperseded     = errors.New("superseded by a newer lease")
	ErrUnavailable    = errors.New("redis unavailable")
	ErrPermission     = errors.New("permission denied by redis")
)

// ErrCheck marks what a RegisterCheck returned: the caller's own words.
var ErrCheck = errors.New("check failed")

var kinds = []error{
	ErrNotFound, ErrWatcherStopped, ErrClosed, ErrInvalid, ErrConflict, ErrSuperseded, ErrUnavailable, ErrPermission,
	errors.ErrUnsupported,
}

// SameKind reports whether two errors are of the same kinds: each is an ErrInvalid if the
// other is, and so on. Errors of no kind are the same.
func SameKind(a, b error) bool {
	for _, k := range kinds {
		if errors.Is(a, k) != errors.Is(b, k) {
			return false
		}
	}
	return true
}

// Known reports whether an error is already of a known kind.
func Known(err error) bool {
	for _, k := range append(kinds[:len(kinds):len(kinds)], ErrCheck) {
		if errors.Is(err, k) {
			return true
		}
	}
	return false
}

// Invalid is an ErrInvalid that names the field and says what to do.
func Invalid(field, format string, args ...any) error {
	return &FieldError{Field: field, What: fmt.Sprintf(format, args...)}
}

// A NodeError says which node of a call an error is about.
type NodeError struct {
	Node string
	Err  error
}

// Error begins with the node.
func (e *NodeError) Error() string { return Printable(e.Node) + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *NodeError) Unwrap() error { return e.Err }

// Printable is a name as it may be written in one line of text: quoted where it holds what
// cannot be printed.
func Printable(s string) string {
	if quoted := strconv.Quote(s); quoted != `"`+s+`"` {
		return quoted
	}
	return s
}

// OneLine returns an error whose text is one line that can be printed: line breaks, as in
// go-redis's error about several sentinels, become "; ".
func OneLine(err error) error {
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
	return WithText(b.String(), err)
}

func unprintable(c rune) bool { return !strconv.IsPrint(c) }

// WithText returns err with another text.
func WithText(text string, err error) error { return &otherText{text, err} }

type otherText struct {
	text string
	err  error
}

func (e *otherText) Error() string { return e.text }
func (e *otherText) Unwrap() error { return e.err }

// Join is errors.Join in one line.
func Join(errs ...error) error { return OneLine(errors.Join(errs...)) }
