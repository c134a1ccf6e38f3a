package registry_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

// However large a service is, a script is called for a hundred nodes at most, so that
// it does not hold Redis for long. TestLoadNoCommandIsSlow measures that.
func TestScriptsAreCalledForAHundredNodes(t *testing.T) {
	t.Parallel()
	const nodes, most = 1000, 100 + 3 // with the index, the version and the log
	server := redistest.Start(t, "--slowlog-log-slower-than", "0", "--slowlog-max-len", "100000")
	log := newRounds()
	r := open(t, at(server), registry.Interval(time.Second), log.option())
	all := fleetOf("shop", nodes)
	a := watch(t, open(t, at(server)), registry.WatchService("shop"))
	register(t, r, all)
	for _, n := range all.Nodes {
		n.Zone = "changed"
	}
	register(t, r, all)
	log.good(t, 2)
	deregister(t, r, service("shop"))
	eventually(t, patience, func() error {
		if n := a.count()[registry.Delete]; n != nodes {
			return fmt.Errorf("%d nodes have gone, want %d", n, nodes)
		}
		return nil
	})

	entries, err := server.Client().SlowLogGet(t.Context(), -1).Result()
	if err != nil {
		t.Fatal(err)
	}
	scripts := 0
	for _, e := range entries {
		if !strings.HasPrefix(strings.ToLower(e.Args[0]), "eval") {
			continue
		}
		scripts++
		if keys, err := strconv.Atoi(e.Args[2]); err != nil || keys > most {
			t.Errorf("%s of %s keys, want at most %d", e.Args[0], e.Args[2], most)
		}
	}
	if least := 4 * nodes / 100; scripts < least {
		t.Errorf("%d calls of scripts, want at least %d", scripts, least)
	}
}
