// Package errdefs holds the kinds of failure that every layer of the registry shares.
// Package registry documents them under the same names.
package errdefs

import "errors"

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

var kinds = []error{
	ErrNotFound, ErrWatcherStopped, ErrClosed, ErrInvalid, ErrConflict, ErrSuperseded, ErrUnavailable, ErrPermission,
	errors.ErrUnsupported,
}

// SameKind tells whether two errors are of the same kinds: each is an ErrInvalid if the
// other is, and so on. Errors of no kind are the same.
func SameKind(a, b error) bool {
	for _, k := range kinds {
		if errors.Is(a, k) != errors.Is(b, k) {
			return false
		}
	}
	return true
}
