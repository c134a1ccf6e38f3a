package discovery_test

import (
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/discovery"
	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// The first Pick says what does not suit the server, as Register does.
func TestPickSaysWhatDoesNotSuitTheServer(t *testing.T) {
	s := redistest.Start(t)
	for url, want := range map[string]string{
		"rediss://" + s.Addr():               " does not speak TLS: leave Secure",
		"redis://" + s.Addr() + "/99":        "DB: the server has fewer databases",
		"redis://somebody:wrong@" + s.Addr(): "check the user and the password",
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

// A password that is changed while Redis runs is a warning as soon as a connection needs
// it, also where the first failure looks like an outage.
func TestAPasswordThatIsChangedIsAWarning(t *testing.T) {
	s := redistest.Start(t)
	s.SetUser("reader", "on", ">old", "~*", "&*", "+@all")
	reg := registry.NewRegistry(registry.URL(s.URL()), registry.Username("reader"), registry.Password("old"), registry.Logger(zerolog.Nop()))
	t.Cleanup(func() { _ = reg.Close(t.Context()) })
	register(t, open(t, redistest.Topology{Addrs: []string{s.Addr()}}, registry.Prefix("rollcall")), static("shop", "", "a"))
	var log redistest.Buffer
	r := resolver(t, reg, discovery.Logger(zerolog.New(&log)), discovery.Timeout(patience))
	resolve(t, r)
	s.Pause()
	until(t, r, func(v *discovery.View) bool { return !v.Live() })
	began := time.Now()
	for !strings.Contains(log.String(), "views are stale") && time.Since(began) < patience {
		time.Sleep(10 * time.Millisecond)
	}
	s.Resume()
	s.SetUser("reader", "resetpass", ">new")
	if err := s.Client().Do(t.Context(), "CLIENT", "KILL", "USER", "reader").Err(); err != nil {
		t.Fatal(err)
	}
	for began = time.Now(); time.Since(began) < patience; time.Sleep(10 * time.Millisecond) {
		for line := range strings.Lines(log.String()) {
			if strings.Contains(line, `"level":"warn"`) && strings.Contains(line, "WRONGPASS") {
				return
			}
		}
	}
	t.Errorf("no warning in\n%s", log.String())
}
