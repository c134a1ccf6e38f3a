package errdefs

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// Failures says why calls failed, by what they were about: the first failure of each. In a
// cluster one service may be refused while all others are served.
type Failures[K interface {
	comparable
	fmt.Stringer
}] map[K]error

// Add adds a failure; nil is none.
func (f Failures[K]) Add(about K, err error) {
	if err != nil && f[about] == nil {
		f[about] = err
	}
}

// One makes one error of all: the first by the name of what it is about, and how many more
// there are. It is nil if there is none.
func (f Failures[K]) One() error {
	if len(f) == 0 {
		return nil
	}
	first := slices.MinFunc(slices.Collect(maps.Keys(f)), func(a, b K) int { return cmp.Compare(a.String(), b.String()) })
	if more := len(f) - 1; more > 0 {
		return fmt.Errorf("%s, and %d more: %w", Printable(first.String()), more, f[first])
	}
	return fmt.Errorf("%s: %w", Printable(first.String()), f[first])
}
