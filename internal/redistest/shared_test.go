package redistest_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-go/rollcall/internal/redistest"
)

func TestEach(t *testing.T) {
	seen := map[string][]string{}
	for round := range 2 {
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			redistest.Each(t, func(t *testing.T, tp redistest.Topology) {
				seen[tp.Name] = append(seen[tp.Name], fmt.Sprint(tp.Addrs))
				c := tp.NewClient(t)
				for _, key := range []string{"a", "b", "c", "d"} { // of three masters
					if n, err := c.Incr(t.Context(), key).Result(); n != 1 || err != nil {
						t.Errorf("%s = %d, %v: not flushed", key, n, err)
					}
				}
				if round == 0 {
					return
				}
				tp.Flush(t)
				if n, err := c.Incr(t.Context(), "a").Result(); n != 1 || err != nil {
					t.Errorf("after Flush: %d, %v", n, err)
				}
			})
		})
	}
	var names []string
	for _, name := range []string{"embedded", "standalone", "sentinel", "cluster"} {
		if rounds := seen[name]; len(rounds) == 2 && rounds[0] == rounds[1] {
			names = append(names, name)
		}
	}
	if diff := cmp.Diff([]string{"embedded", "standalone", "sentinel", "cluster"}, names); diff != "" {
		t.Errorf("topologies that ran twice on one server (-want +got):\n%s", diff)
	}
}
