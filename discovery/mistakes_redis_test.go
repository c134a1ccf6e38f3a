package discovery_test

import (
	"strings"
	"testing"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// The first Pick says what does not suit the server, as Register does.
func TestPickSaysWhatDoesNotSuitTheServer(t *testing.T) {
	s := redistest.Start(t)
	for url, want := range map[string]string{
		"rediss://" + s.Addr():               " does not speak TLS: leave Secure",
		"redis://" + s.Addr() + "/99":        "DB: the server has fewer databases",
		"redis://somebody:wrong@" + s.Addr(): "set Username and Password",
	} {
		t.Run(url, func(t *testing.T) {
			reg := registry.NewRegistry(registry.URL(url))
			t.Cleanup(func() { _ = reg.Close(t.Context()) })
			_, err := resolver(t, reg).Pick(t.Context(), "shop")
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %q", err, want)
			}
			t.Log(err)
		})
	}
}
