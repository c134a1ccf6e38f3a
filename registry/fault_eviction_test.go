package registry_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// A Redis that may evict nodes is logged once, by Init or by the first Register,
// where that can be known at all.
func TestEvictionWarning(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	server.SetUser("narrow", "on", ">secret", "~*", "&*", "+@all", "-config")
	narrow := []registry.Option{registry.Username("narrow"), registry.Password("secret")}
	for _, tc := range []struct {
		name, policy string
		opts         []registry.Option
		warnings     int
	}{
		{"nothing is evicted", "noeviction", nil, 0},
		{"what expires is evicted", "volatile-lru", nil, 1},
		{"anything is evicted", "allkeys-lru", nil, 1},
		{"no right to read the policy", "allkeys-lru", narrow, 0},
	} {
		for _, init := range []bool{false, true} {
			name := tc.name
			if init {
				name += ", with Init"
			}
			t.Run(name, func(t *testing.T) {
				server.SetConfig("maxmemory-policy", tc.policy)
				log := &logBuffer{}
				r := open(t, at(server), append(tc.opts, registry.Logger(zerolog.New(log).Level(zerolog.WarnLevel)))...)
				if init {
					if err := r.Init(); err != nil {
						t.Fatal(err)
					}
				}
				before := looks(t, server)
				register(t, r, service("shop", node("a")))
				register(t, r, service("cart", node("a")))
				eventually(t, patience, func() error { // the first Register looks in the background
					if looks(t, server) == before || strings.Count(log.String(), "\n") < tc.warnings {
						return fmt.Errorf("%d looks before, %d now; log:\n%s", before, looks(t, server), log)
					}
					return nil
				})
				if err := r.Close(t.Context()); err != nil {
					t.Fatal(err)
				}
				if got := strings.Count(log.String(), "\n"); got != tc.warnings {
					t.Errorf("%d warnings, want %d:\n%s", got, tc.warnings, log)
				}
				if tc.warnings > 0 && (!strings.Contains(log.String(), tc.policy) || !strings.Contains(log.String(), "noeviction")) {
					t.Errorf("the warning names not both what is set and what to set:\n%s", log)
				}
			})
		}
	}
}

// A Redis that was away at the start is looked at once it is there.
func TestEvictionWarningComesLater(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--maxmemory-policy", "volatile-lru")
	server.Kill()
	log := &logBuffer{}
	r := open(t, at(server), registry.Timeout(500*time.Millisecond), logInto(log))
	wantErr(t, r.Init(), registry.ErrUnavailable)
	register(t, r, service("shop", node("a")), registry.RegisterRetry())
	logs := func(what string) func() error {
		return func() error {
			if !strings.Contains(log.String(), what) {
				return fmt.Errorf("the log has no line with %q:\n%s", what, log)
			}
			return nil
		}
	}
	eventually(t, patience, logs("maxmemory-policy cannot be read"))
	server.Restart(false)
	within(t, 30*time.Second, "the warning, with the lists at the latest", logs("evicts live nodes"))
}

// looks returns how often a server was asked for its configuration, with success or
// not.
func looks(t *testing.T, s *redistest.Server) int {
	t.Helper()
	info, err := s.Client().Info(t.Context(), "commandstats").Result()
	if err != nil {
		t.Fatal(err)
	}
	var calls, rejected int
	for line := range strings.Lines(info) {
		var usec int
		var each float64
		line = strings.Replace(line, "config|get", "config", 1) // counted by itself since Redis 7
		_, _ = fmt.Sscanf(line, "cmdstat_config:calls=%d,usec=%d,usec_per_call=%f,rejected_calls=%d", &calls, &usec, &each, &rejected)
	}
	return calls + rejected
}
