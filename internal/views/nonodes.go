package views

import (
	"fmt"

	"github.com/rollcall-go/rollcall/internal/plural"
	"github.com/rollcall-go/rollcall/registry"
)

// NoNodes says why the set of a selection has no node to call.
func (t *Table) NoNodes(set *Set, sel *Selection) error {
	all, left := t.View.Members, len(set.View.Members)
	switch {
	case t.Unknown():
		return registry.ErrNotFound
	case len(all) == 0:
		return fmt.Errorf("%w: the service has none", ErrNoNodes)
	case left == 0:
		return fmt.Errorf("%w: %s: none is left by %s", ErrNoNodes, summary(all), sel.String())
	case left < len(all): // otherwise some of them could be called
		return fmt.Errorf("%w: %s: %s leaves %s with the weight NoTraffic", ErrNoNodes, summary(all), sel.String(), allOf(left))
	}
	return fmt.Errorf("%w: %s with the weight NoTraffic", ErrNoNodes, allOf(left))
}

// allOf reads "1 node" or "5 nodes, all".
func allOf(nodes int) string {
	if nodes == 1 {
		return plural.Count(nodes, "node")
	}
	return plural.Count(nodes, "node") + ", all"
}

// summary reads "5 nodes, 1 draining, 1 ejected".
func summary(members []*Member) string {
	var draining, ejected, idle int
	for _, m := range members {
		if m.Status == registry.Draining {
			draining++
		}
		if m.Ejected() {
			ejected++
		}
		if m.noTraffic() {
			idle++
		}
	}
	text := plural.Count(len(members), "node")
	for _, part := range []struct {
		n    int
		what string
	}{{draining, "draining"}, {ejected, "ejected"}, {idle, "with the weight NoTraffic"}} {
		if part.n > 0 {
			text += fmt.Sprintf(", %d %s", part.n, part.what)
		}
	}
	return text
}
