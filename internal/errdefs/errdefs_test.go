package errdefs

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

func TestSameKind(t *testing.T) {
	down := fmt.Errorf("%w: %w", ErrUnavailable, errors.New("connection refused"))
	late := fmt.Errorf("%w: %w", ErrUnavailable, context.DeadlineExceeded)
	old := fmt.Errorf("%w: %w", ErrInvalid, errors.ErrUnsupported)
	for _, tc := range []struct {
		name string
		a, b error
		want bool
	}{
		{"two causes of one kind", down, late, true},
		{"two kinds", down, ErrPermission, false},
		{"one kind more", ErrInvalid, old, false},
		{"an error and none", down, nil, false},
		{"no kind", errors.New("a"), errors.New("b"), true},
	} {
		if SameKind(tc.a, tc.b) != tc.want || SameKind(tc.b, tc.a) != tc.want {
			t.Errorf("%s: want %v", tc.name, tc.want)
		}
	}
}
