package lua

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A scenario is a few calls on a fresh service, named after the rule that it is
// for, and what they leave behind.
type scenario struct {
	rule string
	play func(*stage)

	nodes  []string // as stage.nodes returns them
	events []string // as event.String returns them
}

func (sc scenario) run(t *testing.T, srv *server) []string {
	s := newStage(t, srv, sc.rule)
	sc.play(s)
	return s.settle(sc.nodes, sc.events)
}

// TestScripts plays every scenario on the fake and on real servers, and wants
// the same answers, the same events and the same data from all of them.
func TestScripts(t *testing.T) {
	fake, standalone, cluster := fake(t), standalone(t), cluster(t)
	for _, sc := range slices.Concat(
		registerScenarios, batchScenarios, fencingScenarios, guessScenarios, renewScenarios, deregisterScenarios,
		reapScenarios, overrideScenarios, historyScenarios, retiredScenarios, keptScenarios, refusedScenarios,
	) {
		t.Run(sc.rule, func(t *testing.T) {
			var want []string
			t.Run(fake.name, func(t *testing.T) { want = sc.run(t, fake) })
			for _, srv := range []*server{standalone, cluster} {
				t.Run(srv.name, func(t *testing.T) {
					if d := cmp.Diff(want, sc.run(t, srv)); d != "" {
						t.Errorf("it differs (-%s +%s):\n%s", fake.name, srv.name, d)
					}
				})
			}
		})
	}
}
