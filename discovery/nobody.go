package discovery

import (
	"fmt"
	"strings"

	"github.com/rollcall-go/rollcall/registry"
)

// nobody says why a selection has no node to call.
func (t *table) nobody(set *set, q *question) error {
	all, left := t.view.members, len(set.view.members)
	switch {
	case t.unknown():
		return registry.ErrNotFound
	case len(all) == 0:
		return fmt.Errorf("%w: the service has none", ErrNoNodes)
	case left == 0:
		return fmt.Errorf("%w: %s: none is left by %s", ErrNoNodes, headcount(all), q.selection.String())
	case left < len(all): // otherwise some of them could be called
		return fmt.Errorf("%w: %s: %s leaves %s with the weight NoTraffic", ErrNoNodes, headcount(all), q.selection.String(), allOf(left))
	}
	return fmt.Errorf("%w: %s with the weight NoTraffic", ErrNoNodes, allOf(left))
}

// count reads "1 node" or "5 nodes".
func count(nodes int) string {
	if nodes == 1 {
		return "1 node"
	}
	return fmt.Sprint(nodes, " nodes")
}

// allOf reads "1 node" or "5 nodes, all".
func allOf(nodes int) string {
	if nodes == 1 {
		return count(nodes)
	}
	return count(nodes) + ", all"
}

// headcount reads "5 nodes, 1 draining, 1 ejected".
func headcount(members []*member) string {
	var draining, ejected, idle int
	for _, m := range members {
		if m.Status == registry.Draining {
			draining++
		}
		if m.state.health.ejected() {
			ejected++
		}
		if m.noTraffic() {
			idle++
		}
	}
	text := count(len(members))
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

// String names the options of a selection that leave nodes out, as a call gives them.
func (s *selection) String() string {
	var parts []string
	if s.byVersion {
		parts = append(parts, fmt.Sprintf("Version(%q)", s.version))
	}
	for _, l := range s.labels {
		if l != (labelOption{}) {
			parts = append(parts, fmt.Sprintf("Label(%q, %q)", l.key, l.value))
		}
	}
	if s.filter != nil {
		parts = append(parts, "the Filter")
	}
	return strings.Join(parts, ", ")
}
