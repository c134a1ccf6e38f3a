package backend_test

import (
	"errors"
	"flag"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/rollcall-go/rollcall/internal/backend"
	"github.com/rollcall-go/rollcall/registry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestLookup(t *testing.T) {
	if _, ok := backend.Lookup("unknown"); ok {
		t.Fatal("found a server that is not registered")
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

// The registry says what to import where nothing does, as in this package.
func TestNotLinked(t *testing.T) {
	fs := flag.NewFlagSet("test", flag.ContinueOnError)
	r := registry.NewRegistry(registry.Flags(fs))
	if err := fs.Parse([]string{"-registry.default=embedded"}); err != nil {
		t.Fatal(err)
	}
	err := r.Init()
	if !errors.Is(err, registry.ErrInvalid) || !strings.Contains(err.Error(), "embedded is not linked: import github.com/rollcall-go/rollcall/registry/embedded") {
		t.Errorf("got %v", err)
	}
	if err := r.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
