package backend_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/rollcall-go/rollcall/internal/backend"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestLookup(t *testing.T) {
	if _, ok := backend.Lookup("nobody"); ok {
		t.Fatal("found a server that nobody registered")
	}

	var asked string
	backend.Register("fake", func(addr string) (string, func() error, error) {
		asked = addr
		return "127.0.0.1:1", nil, nil
	})
	start, ok := backend.Lookup("fake")
	if !ok {
		t.Fatal("a registered server was not found")
	}
	if bound, _, err := start("127.0.0.1:0"); bound != "127.0.0.1:1" || err != nil || asked != "127.0.0.1:0" {
		t.Fatalf("start = %q, %v, asked for %q", bound, err, asked)
	}
}
