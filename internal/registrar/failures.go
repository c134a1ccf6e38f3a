package registrar

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/rollcall-go/rollcall/internal/errdefs"
)

// failures says why calls failed, by service: the first failure of each. In a cluster
// one service may be refused while all others are served.
type failures map[*service]error

func (f failures) add(s *service, err error) {
	if err != nil && f[s] == nil {
		f[s] = err
	}
}

// one makes one error of all: that of the first service by name, and how many more
// failed. It is nil where none did.
func (f failures) one() error {
	if len(f) == 0 {
		return nil
	}
	first := slices.MinFunc(slices.Collect(maps.Keys(f)), func(a, b *service) int {
		return cmp.Compare(a.String(), b.String())
	})
	if more := len(f) - 1; more > 0 {
		return fmt.Errorf("%s, and %d more: %w", errdefs.Printable(first.String()), more, f[first])
	}
	return fmt.Errorf("%s: %w", errdefs.Printable(first.String()), f[first])
}
