package balance

import (
	"testing"

	"pgregory.net/rapid"
)

func TestDivisor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, x := rapid.Uint32Min(1).Draw(t, "n"), rapid.Uint32().Draw(t, "x")
		if rest := newDivisor(int(n)).rest(x); rest != int(x%n) {
			t.Fatalf("the remainder of %d by %d is %d, want %d", x, n, rest, x%n)
		}
	})
}
