package hertzadapter

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/internal/community"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// A logBuffer is written by several loggers.
type logBuffer struct{ redistest.Buffer }

// with returns the lines that hold a text.
func (l *logBuffer) with(text string) (lines []string) {
	for line := range strings.Lines(l.String()) {
		if strings.Contains(line, text) {
			lines = append(lines, line)
		}
	}
	return lines
}

// Names that are in neither layout are not followed, and the error says where they were
// looked for.
func TestBothLayoutsAreAskedForStrangers(t *testing.T) {
	const names = 200
	s := redistest.Start(t)
	must(t, oldPackage{c: s.Client()}.Register(shopAt("10.0.0.9:80")))
	v := both(t, connect(t, s.URL()))
	sees(t, v, "10.0.0.9:80") // known by the old layout alone
	goroutines := runtime.NumGoroutine()
	for i := range names {
		_, err := v.Resolve(t.Context(), fmt.Sprint("stranger-", i))
		if want := fmt.Sprint("resolve default/stranger-", i, ":"); !errors.Is(err, registry.ErrNotFound) || !strings.Contains(err.Error(), want) {
			t.Fatalf("%v, want ErrNotFound and %q", err, want)
		}
	}
	if n := runtime.NumGoroutine(); n > goroutines+10 {
		t.Errorf("%d goroutines after %d names, and %d before", n, names, goroutines)
	}
	channels, err := s.Client().PubSubChannels(t.Context(), "*stranger*").Result()
	if err != nil || len(channels) > 0 {
		t.Errorf("channels are subscribed to: %v, %v", channels, err)
	}
}

// An outage is one warning, by the registry. What discovery says of it is no second one.
func TestAnOutageOfBothLayoutsIsOneWarning(t *testing.T) {
	s := redistest.Start(t)
	var log logBuffer
	r := connect(t, s.URL(), registry.Timeout(500*time.Millisecond), registry.Logger(zerolog.New(&log)))
	must(t, oldPackage{c: s.Client()}.Register(shopAt("10.0.0.9:80")))
	v := both(t, r, discovery.Logger(zerolog.New(&log)))
	sees(t, v, "10.0.0.9:80")
	s.Kill()
	await(t, "discovery logs the outage", func() bool { return len(log.with("views are stale:")) > 0 })
	await(t, "the registry logs the outage", func() bool { return len(log.with("contact with redis is lost")) > 0 })
	if warnings := log.with(`"level":"warn"`); len(warnings) != 1 {
		t.Errorf("%d warnings:\n%s", len(warnings), strings.Join(warnings, ""))
	}
}

// What Redis says of the old layout has its sentinel.
func TestErrorsOfTheOldLayoutAreClassed(t *testing.T) {
	s := redistest.Start(t)
	s.SetUser("reader", "on", ">secret", "~rollcall:*", "&*", "+@all")
	must(t, s.Client().Set(t.Context(), oldKey, "a string", 0).Err())
	for name, c := range map[string]struct {
		r    *registry.Redis
		want error
	}{
		"no right":        {connect(t, s.URL(), registry.Username("reader"), registry.Password("secret")), registry.ErrPermission},
		"of another type": {connect(t, s.URL()), registry.ErrConflict},
		"no answer":       {connect(t, "redis://"+refused(t)), registry.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			client, err := c.r.Client()
			must(t, err)
			_, err = community.Listed(t.Context(), client, "shop", community.HomeOf(c.r))
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), oldKey) {
				t.Errorf("%v, want %v and %s", err, c.want, oldKey)
			}
		})
	}
}
