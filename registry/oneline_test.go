package registry_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// The error for a bad URL shows how a URL begins, and never shows the password.
func TestAURLThatIsRefusedSaysHowOneBegins(t *testing.T) {
	for url, want := range map[string]string{
		"redis.example:6379":                          "begin with redis:// or rediss://, for example redis://host:6379/0",
		"127.0.0.1:6379":                              "begin with redis:// or rediss://",
		"http://127.0.0.1":                            "begin with redis:// or rediss://",
		"secret@127.0.0.1:6379":                       "begin with redis:// or rediss://",
		":secret@127.0.0.1:6379":                      "begin with redis:// or rediss://",
		"secret://127.0.0.1:6379":                     "begin with redis:// or rediss://",
		"redis://bob:secret%zz@127.0.0.1:6379":        "percent-encode",
		"redis://bob:secret/x@127.0.0.1:6379":         "percent-encode",
		"redis://bob:1/secret@127.0.0.1:6379":         "percent-encode",
		"redis://bob:1/0?secret=1&x=2@127.0.0.1:6379": "percent-encode",
		"redis://127.0.0.1:x/0?password=secret":       "redis://user:password@host:6379/0",
		"redis://bob:secret@127.0.0.1:6379/x":         "database",
	} {
		for _, more := range []registry.Option{nil, registry.Cluster(true), registry.MasterName("m")} {
			err := registry.NewRegistry(registry.URL(url), more).Init()
			wantText(t, err, registry.ErrInvalid, "URL: ")
			if more == nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", url, err, want)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("%s: the error shows the password: %v", url, err)
			}
		}
	}
}

// Errors that are several are one line.
func TestSeveralErrorsAreOneLine(t *testing.T) {
	t.Run("of a follower that waits", func(t *testing.T) {
		r := open(t, redistest.Topology{Addrs: []string{"127.0.0.1:1"}}, registry.Timeout(time.Second))
		f := follow(t, r, "shop")
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		_, err := f.Next(ctx)
		if err == nil || !errors.Is(err, registry.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v, want ErrUnavailable and the end of the context in one line", err)
		}
	})
	t.Run("of Close", func(t *testing.T) {
		server := redistest.Start(t)
		proxy := redistest.StartProxy(t, server.Addr())
		release := make(chan struct{})
		r := registry.NewRegistry(registry.Addrs(proxy.Addr()), registry.Timeout(time.Second))
		register(t, r, service("shop", node("a")), registry.OnState(func(registry.State, error) { <-release }))
		proxy.Stall()
		err := r.Close(t.Context())
		close(release)
		wantText(t, err, registry.ErrUnavailable, "an OnState has not returned", "; ")
	})
}
