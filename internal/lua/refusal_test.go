package lua

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/redistest"
)

// refuses checks that a Redis which refuses to write is distinguished from every other failure,
// by a script as by a plain command, and that it lets PUBLISH through.
func refuses(t *testing.T, c *redis.Client, script error, code string) {
	t.Helper()
	command := c.HSet(t.Context(), "luatest:k", "f", "v").Err()
	for _, err := range []error{script, command} {
		if said := Refusal(err); !strings.HasPrefix(said, code+" ") || strings.Contains(said, "script:") {
			t.Errorf("of %v came %q, want what begins with %s", err, said, code)
		}
	}
	if err := c.Publish(t.Context(), "luatest:c", "live").Err(); err != nil {
		t.Errorf("PUBLISH: %v", err)
	}
}

// A right that is missing is a refusal, whether Redis denies the script or a command
// in it.
func TestRefusalOfARight(t *testing.T) {
	for _, rule := range []string{"-evalsha", "-pexpire", "resetkeys", "-hget"} {
		restricted(t, slices.Concat(allowed, []string{rule}), func(s *stage) {
			if r := s.renew(at("a", ours, 1)); Refusal(r.Err) == "" {
				t.Errorf("%s: %v is no refusal", rule, r.Err)
			}
		})
	}
}

func TestRefusalIsNothingElse(t *testing.T) {
	server := redistest.Start(t)
	late := Target{Service: service(t, "shop"), Deadline: time.Now().Add(-time.Hour), Nonce: "0a"}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	c := server.Client()
	wrong := c.Set(t.Context(), "luatest:text", "OOM READONLY", 0).Err()
	errs := []error{
		nil, errors.Join(wrong, c.HGet(t.Context(), "luatest:text", "f").Err()), c.Do(t.Context(), "OOM").Err(),
		Renew(t.Context(), c, RenewCall{Target: late, Nodes: []Lease{at("a", ours, 1)}})[0].Err,
		c.Ping(cancelled).Err(),
	}
	server.Kill()
	for _, err := range append(errs, c.Ping(t.Context()).Err()) {
		if said := Refusal(err); said != "" {
			t.Errorf("%v is taken for a refusal: %q", err, said)
		}
	}
}
