package doctor

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/acl"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

func TestMain(m *testing.M) { redistest.Main(m) }

// patience is how long a test waits for what must come, on the slowest machine.
const patience = 20 * time.Second

// well are settings with which doctor finds nothing to say.
var well = []string{
	"--appendonly", "yes", "--maxmemory", "200mb", "--maxmemory-policy", "noeviction",
	"--save", "", "--stop-writes-on-bgsave-error", "no", "--maxclients", "1000",
}

// start starts a server that is well, but for further settings.
func start(t *testing.T, more ...string) *redistest.Server {
	t.Helper()
	return redistest.Start(t, append(append([]string{}, well...), more...)...)
}

// open returns a registry on a server.
func open(t *testing.T, addr string, opts ...registry.Option) *registry.Redis {
	t.Helper()
	r := registry.NewRegistry(append([]registry.Option{
		registry.Addrs(addr), registry.Logger(zerolog.Nop()), registry.Timeout(patience),
	}, opts...)...)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_ = r.Close(ctx)
	})
	return r
}

func examine(t *testing.T, r *registry.Redis, o Options) []Finding {
	t.Helper()
	findings, err := Examine(t.Context(), r, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range findings {
		if (f.Level == OK) == (f.Remedy != "") && !strings.HasPrefix(f.Check, "rights") || f.What == "" || f.Check == "" {
			t.Errorf("a finding that is not whole: %+v", f)
		}
	}
	return findings
}

// only wants a finding of a level, with some words, and all others to be well.
func only(t *testing.T, findings []Finding, check string, level Level, words string) {
	t.Helper()
	found := false
	for _, f := range findings {
		switch {
		case f.Check == check && f.Level == level && strings.Contains(f.What, words):
			found = true
		case f.Level != OK:
			t.Errorf("besides: %+v", f)
		}
	}
	if !found {
		t.Errorf("not found: %s %s %q in %+v", check, level, words, findings)
	}
}

// has wants a finding, whatever the others are.
func has(t *testing.T, findings []Finding, check string, level Level, words string) {
	t.Helper()
	for _, f := range findings {
		if f.Check == check && f.Level == level && strings.Contains(f.What, words) {
			return
		}
	}
	t.Errorf("not found: %s %s %q in %+v", check, level, words, findings)
}

// user makes a user of these rules, who may ask what doctor asks.
func user(t *testing.T, s *redistest.Server, rules []string) registry.Option {
	t.Helper()
	asks := []string{"on", ">secret", "+info", "+config|get", "+scan", "+type", "+pttl"}
	s.SetUser("patient", append(asks, rules...)...)
	return func(o *registry.Options) { o.Username, o.Password = "patient", "secret" }
}

func rules(t *testing.T, s *redistest.Server, r acl.Request) []string {
	t.Helper()
	r.Before7 = !s.CanReadOnly()
	rules, err := acl.Rules(r)
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

func register(t *testing.T, r *registry.Redis, service string, opts ...registry.RegisterOption) {
	t.Helper()
	s := &registry.Service{Name: service, Nodes: []*registry.Node{{ID: "a", Address: "10.0.0.1:80"}}}
	if err := r.Register(t.Context(), s, opts...); err != nil {
		t.Fatal(err)
	}
}

// eventually polls check until it returns nil.
func eventually(t *testing.T, check func() error) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal(err)
		}
	}
}

func must(t *testing.T, cmds ...redis.Cmder) {
	t.Helper()
	for _, cmd := range cmds {
		if cmd.Err() != nil {
			t.Fatal(fmt.Errorf("%v: %w", cmd.Args(), cmd.Err()))
		}
	}
}
