package registry

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/record"
	"github.com/rollcall-go/rollcall/internal/replica"
)

// The services of a view that was made from the one before are those of a view that was made
// anew, whatever has changed, and earlier views do not change.
func TestTheNextViewIsTheSame(t *testing.T) {
	space, err := keys.New("")
	if err != nil {
		t.Fatal(err)
	}
	shop := space.Service("", "shop")
	rapid.Check(t, func(t *rapid.T) {
		nodes := map[string]replica.Node{}
		rev := uint64(0)
		all := func() []replica.Node {
			return slices.SortedFunc(maps.Values(nodes), func(a, b replica.Node) int { return strings.Compare(a.ID, b.ID) })
		}
		kept := newKeptView(shop, all())
		for range rapid.IntRange(1, 20).Draw(t, "views") {
			before, copied := kept.services, fmt.Sprint(shownOf(kept.services))
			var changes []replica.Change
			for range rapid.IntRange(0, 5).Draw(t, "changes") {
				id := string(rune('a' + rapid.IntRange(0, 6).Draw(t, "node")))
				rev++
				old, there := nodes[id]
				if there && rapid.Bool().Draw(t, "leaves") {
					delete(nodes, id)
					changes = append(changes, replica.Change{Action: replica.Delete, Node: old})
					continue
				}
				n := replica.Node{ID: id, Rev: rev, Record: &record.Node{
					Version: fmt.Sprint(rapid.IntRange(1, 3).Draw(t, "version")), Address: id + ":80",
					TTL: time.Duration(rapid.IntRange(1, 3).Draw(t, "ttl")) * time.Second, Weight: int(rev),
				}}
				c := replica.Change{Action: replica.Create, Node: n}
				if there {
					c.Action = replica.Update
					if old.Record.Version != n.Record.Version {
						c.Before = &old
					}
				}
				nodes[id] = n
				changes = append(changes, c)
			}
			fresh := newKeptView(shop, all())
			if next := kept.after(shop, changes); next != nil {
				if diff := cmp.Diff(fresh.services, next.services, cmpopts.EquateEmpty()); diff != "" {
					t.Fatalf("made anew (-) and from the view before (+):\n%s", diff)
				}
				kept = next
			} else {
				kept = fresh
			}
			if after := fmt.Sprint(shownOf(before)); after != copied {
				t.Fatalf("the view before has changed from %s to %s", copied, after)
			}
		}
	})
}

// shownOf prints services with their nodes.
func shownOf(services []*Service) (all []string) {
	for _, s := range services {
		all = append(all, fmt.Sprintf("%s %v", s.Version, s.TTL))
		for _, n := range s.Nodes {
			all = append(all, fmt.Sprintf("%+v", *n))
		}
	}
	return all
}
