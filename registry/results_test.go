package registry

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rollcall-go/rollcall/internal/informer"
)

// resultOf builds a result from "create v/id weight": the action, the node of a
// version, and a weight that makes its contents differ.
func resultOf(text string, rev int) *Result {
	f := strings.Fields(text)
	version, id, _ := strings.Cut(f[1], "/")
	r := &Result{
		Action:   map[string]Action{"create": Create, "update": Update, "delete": Delete}[f[0]],
		Revision: uint64(rev), History: "h",
		Service: &Service{Namespace: "ns", Name: "shop", Version: version, Nodes: []*Node{{ID: id}}},
	}
	_, _ = fmt.Sscan(f[2], &r.Service.Nodes[0].Weight)
	return r
}

func textOf(r *Result) string {
	n := r.Service.Nodes[0]
	return fmt.Sprintf("%v %s/%s %d", r.Action, r.Service.Version, n.ID, n.Weight)
}

func TestCoalesce(t *testing.T) {
	for _, c := range []struct {
		name      string
		from, out []string
	}{
		{"nothing", nil, nil},
		{"one", []string{"create /a 1"}, []string{"create /a 1"}},
		{"the last state is kept", []string{"update /a 1", "update /a 2"}, []string{"update /a 2"}},
		{"a new node stays new", []string{"create /a 1", "update /a 2", "update /a 3"}, []string{"create /a 3"}},
		{"came and went", []string{"create /a 1", "update /a 2", "delete /a 2"}, nil},
		{"went, as it was last known", []string{"update /a 1", "delete /a 1"}, []string{"delete /a 1"}},
		{"went and came back", []string{"delete /a 1", "create /a 2"}, []string{"update /a 2"}},
		{"went, came back and changed", []string{"delete /a 1", "create /a 2", "update /a 3"}, []string{"update /a 3"}},
		{"went, came back and went", []string{"delete /a 1", "create /a 2", "delete /a 2"}, []string{"delete /a 2"}},
		{"came, went and came", []string{"create /a 1", "delete /a 1", "create /a 2"}, []string{"create /a 2"}},
		{"came and went, over and over", []string{
			"create /a 1", "delete /a 1", "create /a 2", "delete /a 2", "create /a 3", "update /a 4", "delete /a 4",
		}, nil},
		{"each at the place of its last one", []string{"create /a 1", "create /b 1", "update /c 1", "update /a 2"}, []string{
			"create /b 1", "update /c 1", "create /a 2",
		}},
		{"a node of each version", []string{"create 1/a 1", "create 2/a 1", "update 1/a 2"}, []string{"create 2/a 1", "create 1/a 2"}},
		{"moves to another version", []string{"update 1/a 1", "delete 1/a 1", "create 2/a 1"}, []string{"delete 1/a 1", "create 2/a 1"}},
		{"moves there and back", []string{"delete 1/a 1", "create 2/a 1", "delete 2/a 1", "create 1/a 2"}, []string{"update 1/a 2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var from []*Result
			for i, text := range c.from {
				from = append(from, resultOf(text, i))
			}
			var out []string
			for _, r := range coalesce(from) {
				out = append(out, textOf(r))
			}
			if d := cmp.Diff(c.out, out); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			for i, r := range from {
				if textOf(r) != c.from[i] { // a consumer may have it already
					t.Errorf("result %d was %q and is %q", i, c.from[i], textOf(r))
				}
			}
		})
	}
}

// A consumer is the state after some results are applied, by version/id.
type consumer map[string]string

func (c consumer) apply(t *rapid.T, results []*Result) {
	for _, r := range results {
		key := r.Service.Version + "/" + r.Service.Nodes[0].ID
		if _, present := c[key]; present != (r.Action != Create) {
			t.Fatalf("%s: it was present before: %v", textOf(r), present)
		}
		if c[key] = fmt.Sprint(r.Service.Nodes[0].Weight); r.Action == Delete {
			delete(c, key)
		}
	}
}

// A consumer that applies the results left has the same state as one that applied all, and each
// result follows from its state, wherever the queue was cut.
func TestCoalesceKeepsTheState(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now, all, some := consumer{}, consumer{}, consumer{}
		revision := 0
		history := rapid.Custom(func(t *rapid.T) []*Result {
			var results []*Result
			for range rapid.IntRange(0, 30).Draw(t, "length") {
				key := rapid.SampledFrom([]string{"/a", "/b", "1/a", "2/a"}).Draw(t, "node")
				_, present := now[key]
				action := "create"
				if present {
					action = rapid.SampledFrom([]string{"update", "delete"}).Draw(t, "action")
				}
				revision++
				r := resultOf(fmt.Sprintf("%s %s %d", action, key, revision), revision)
				results = append(results, r)
				now.apply(t, []*Result{r})
			}
			return results
		})
		before := history.Draw(t, "taken before")
		all.apply(t, before)
		some.apply(t, before)
		for range 3 { // what is left is coalesced again with what comes
			pending := history.Draw(t, "pending")
			all.apply(t, pending)
			left := coalesce(coalesce(pending[:len(pending)/2]))
			left = coalesce(append(left, pending[len(pending)/2:]...))
			if len(left) > 4 {
				t.Fatalf("%d results are left of 4 nodes", len(left))
			}
			last := uint64(0)
			for _, r := range left {
				if r.Revision < last {
					t.Fatalf("revision %d after %d", r.Revision, last)
				}
				last = r.Revision
			}
			some.apply(t, left)
			if !maps.Equal(all, some) {
				t.Fatalf("who applied all knows %v, who applied what is left %v", all, some)
			}
		}
	})
}

// However slow its consumer, a watcher keeps no more than a few results of each
// node, and gives the last state.
func TestWatcherOfSlowConsumer(t *testing.T) {
	const nodes, changes = 2000, 100
	w := newWatcher(t.Context(), informer.New(nil, informer.Options{}))
	want := map[string]string{}
	most := 0
	for i := range changes {
		for id := range nodes {
			r := resultOf(fmt.Sprintf("update /%d %d", id, i), i)
			if i == 0 {
				r.Action = Create
			}
			w.add(r)
			want["/"+r.Service.Nodes[0].ID] = fmt.Sprint(i)
			most = max(most, len(w.pending))
		}
	}
	if most > 2*nodes+maxPending {
		t.Errorf("up to %d results wait, of %d nodes", most, nodes)
	}
	t.Logf("%d changes of %d nodes: up to %d results waited, %d are left", changes*nodes, nodes, most, len(w.pending))
	got := map[string]string{}
	for len(w.pending) > 0 {
		r, err := w.Next()
		if err != nil {
			t.Fatal(err)
		}
		got["/"+r.Service.Nodes[0].ID] = fmt.Sprint(r.Service.Nodes[0].Weight)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
