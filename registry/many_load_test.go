//go:build load

package registry_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

func TestLoadManyServices(t *testing.T) { servicesOfOneProcess(t, 2000) }

// Two thousand services are watched at little cost to Redis.
func TestLoadWatchManyServices(t *testing.T) {
	const services, poll = 2000, registry.DefaultPollInterval
	watchManyServices(t, services, func(server *redistest.Server) {
		before, polled, began := cpu(t, server), calls(t, server, "zcard"), time.Now()
		<-time.After(2 * poll)
		used, took, polls := cpu(t, server)-before, time.Since(began), calls(t, server, "zcard")-polled
		share := float64(used) / float64(took)
		t.Logf("%d polls in %v used %v of Redis's time: %.2f%% of a core", polls, took.Round(time.Millisecond), used, 100*share)
		if polls < services || polls > 6*services {
			t.Errorf("%d polls in %v", polls, took)
		}
		if share > 0.02 {
			t.Errorf("%.2f%% of a core, want 2%% at most", 100*share)
		}
	})
}

// cpu returns the processor time that a server has used.
func cpu(t *testing.T, s *redistest.Server) time.Duration {
	t.Helper()
	info, err := s.Client().Info(t.Context(), "cpu").Result()
	if err != nil {
		t.Fatal(err)
	}
	var used float64
	for line := range strings.Lines(info) {
		var seconds float64
		for _, of := range []string{"user", "sys"} {
			if _, err := fmt.Sscanf(line, "used_cpu_"+of+":%f", &seconds); err == nil {
				used += seconds
			}
		}
	}
	return time.Duration(used * float64(time.Second))
}
