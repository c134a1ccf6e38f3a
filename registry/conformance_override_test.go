package registry_test

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

var overriding = []testCase{
	{"an override is set, shown and undone, aspect by aspect", operatorSets},
	{"an override ends with the process of its node, unless it stays", overrideEndsWithProcess},
	{"an override ends by Redis's clock", overrideEndsInTime},
	{"an override of all nodes holds for later ones too", operatorSetsAll},
	{"overrides that end leave nothing in Redis", overridesExpire},
	{"an operator's mistakes are refused", operatorMistakes},
}

func draining() *registry.Status { return new(registry.Draining) }

// must fails the test where a call of an operator failed.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// overridesOf returns what is set on a service, each as "node aspect value by".
func overridesOf(t *testing.T, op *registry.Operator, service string) (found []string) {
	t.Helper()
	all, err := op.Overrides(t.Context(), service)
	must(t, err)
	for _, o := range all {
		text := fmt.Sprintf("%s %s by %s", cmp.Or(o.Node, "*"), o, o.By)
		if !o.InForce {
			text += ", not in force"
		}
		found = append(found, text)
	}
	return found
}

func wantOverrides(t *testing.T, op *registry.Operator, service string, want ...string) {
	t.Helper()
	if d := gocmp.Diff(want, overridesOf(t, op, service)); d != "" {
		t.Errorf("overrides (-want +got):\n%s", d)
	}
}

func operatorSets(t *testing.T, tp redistest.Topology) {
	r := open(t, tp)
	alice, bob := r.Operator("alice"), r.Operator("bob")
	register(t, r, service("shop", node("a"), node("b")))
	a := watch(t, open(t, tp), registry.WatchService("shop"))
	a.expectAll("create /a", "create /b")
	must(t, alice.Set(t.Context(), "shop", "a", registry.Override{Status: draining(), Reason: "bad disk"}))
	if n := a.expect("update /a")[0].Service.Nodes[0]; n.Status != registry.Draining {
		t.Errorf("overridden: %+v", n)
	}
	must(t, bob.Set(t.Context(), "shop", "a", registry.Override{
		Weight: new(registry.NoTraffic), Metadata: map[string]*string{"k e/y": new("v"), "gone": nil},
	}))
	must(t, bob.Set(t.Context(), "shop", "a", registry.Override{Weight: new(registry.NoTraffic)})) // again: no change
	a.expect("update /a")
	wantOverrides(t, alice, "shop",
		"a metadata:gone removed by bob", "a metadata:k e/y v by bob", "a status draining by alice", "a weight 0 by bob")
	n := get(t, r, "shop")[0].Nodes[0]
	if n.Status != registry.Draining || n.Weight != registry.NoTraffic || n.Metadata["k e/y"] != "v" {
		t.Errorf("found %+v", n)
	}
	nodes, err := alice.Nodes(t.Context(), "shop")
	must(t, err)
	if i := nodes[0]; len(nodes) != 2 || i.Node.Status != registry.Draining || i.Own.Status != registry.Up || len(i.Overrides) != 4 ||
		i.LeaseLeft <= 0 || i.LeaseLeft > i.TTL || time.Since(i.Since) > time.Minute || i.Revision != 1 || i.Lease == "" {
		t.Errorf("nodes: %+v", i)
	}
	must(t, alice.Undo(t.Context(), "shop", "a", "status", "metadata:k e/y"))
	wantOverrides(t, alice, "shop", "a metadata:gone removed by bob", "a weight 0 by bob")
	must(t, alice.Undo(t.Context(), "shop", "a"))
	must(t, alice.Undo(t.Context(), "shop", "nobody"))
	wantOverrides(t, alice, "shop")
	a.expect("update /a", "update /a")
}

func overrideEndsWithProcess(t *testing.T, tp redistest.Topology) {
	r := open(t, tp)
	op := r.Operator("alice")
	register(t, r, service("shop", node("a"), node("b")))
	a := watch(t, open(t, tp), registry.WatchService("shop"))
	a.expectAll("create /a", "create /b")
	must(t, op.Set(t.Context(), "shop", "a", registry.Override{Status: draining()}))
	must(t, op.Set(t.Context(), "shop", "b", registry.Override{Status: draining(), Stay: true}))
	a.expect("update /a", "update /b")

	changed := node("a")
	changed.Zone = "eu" // the same process
	register(t, r, service("shop", changed))
	if n := a.expect("update /a")[0].Service.Nodes[0]; n.Status != registry.Draining {
		t.Errorf("after a change of its data: %+v", n)
	}
	for _, id := range []string{"a", "b"} { // another process takes the node
		register(t, open(t, tp), service("shop", node(id)))
	}
	if n := a.expect("update /a")[0].Service.Nodes[0]; n.Status != registry.Up {
		t.Errorf("in another process: %+v", n)
	}
	late := watch(t, open(t, tp), registry.WatchService("shop"))
	late.expectAll("create /a", "create /b")
	for id, want := range map[string]registry.Status{"a": registry.Up, "b": registry.Draining} {
		if got := late.node(id).Service.Nodes[0].Status; got != want {
			t.Errorf("%s in a new watch: %v, want %v", id, got, want)
		}
	}
	for _, n := range get(t, r, "shop")[0].Nodes {
		if want := late.node(n.ID).Service.Nodes[0].Status; n.Status != want {
			t.Errorf("%s in GetService: %v, want %v", n.ID, n.Status, want)
		}
	}
	wantOverrides(t, op, "shop", "a status draining by alice, not in force", "b status draining by alice")
}

func overrideEndsInTime(t *testing.T, tp redistest.Topology) {
	r := open(t, tp)
	op := r.Operator("alice")
	register(t, r, service("shop", node("a")))
	a := watch(t, open(t, tp, registry.PollInterval(time.Minute)), registry.WatchService("shop"))
	a.expect("create /a")
	must(t, op.Set(t.Context(), "shop", "a", registry.Override{Status: draining(), For: 700 * time.Millisecond, Stay: true}))
	must(t, op.SetAll(t.Context(), "shop", registry.Override{Weight: new(7), Until: time.Now().Add(time.Minute)}))
	a.expect("update /a", "update /a")
	late := watch(t, open(t, tp, registry.PollInterval(time.Minute)), registry.WatchService("shop"))
	late.expect("create /a")
	for _, w := range []*recorder{a, late} {
		within(t, 2*time.Second, "set to undone by itself", func() error {
			if n := w.node("a").Service.Nodes[0]; n.Status != registry.Up || n.Weight != 7 {
				return fmt.Errorf("it is %+v", n)
			}
			return nil
		})
	}
	if n := get(t, r, "shop")[0].Nodes[0]; n.Status != registry.Up || n.Weight != 7 {
		t.Errorf("GetService: %+v", n)
	}
	wantOverrides(t, op, "shop", "* weight 7 by alice", "a status draining by alice, not in force")
}

func operatorSetsAll(t *testing.T, tp redistest.Topology) {
	r := open(t, tp)
	op := r.Operator("alice")
	wantErr(t, op.SetAll(t.Context(), "shop", registry.Override{Weight: new(3)}), registry.ErrNotFound)
	register(t, r, service("shop", node("a"), node("b")))
	a := watch(t, open(t, tp), registry.WatchService("shop"))
	a.expectAll("create /a", "create /b")
	must(t, op.SetAll(t.Context(), "shop", registry.Override{Weight: new(3), Status: draining()}))
	a.expect("update /a", "update /b")
	must(t, op.Set(t.Context(), "shop", "a", registry.Override{Weight: new(5)}))
	if n := a.expect("update /a")[0].Service.Nodes[0]; n.Weight != 5 || n.Status != registry.Draining {
		t.Errorf("what is set on a node goes before what is set on all: %+v", n)
	}
	register(t, r, service("shop", node("c")))
	if n := a.expect("create /c")[0].Service.Nodes[0]; n.Weight != 3 || n.Status != registry.Draining {
		t.Errorf("a later node: %+v", n)
	}
	wantOverrides(t, op, "", "* status draining by alice", "* weight 3 by alice", "a weight 5 by alice")
	must(t, op.UndoAll(t.Context(), "shop"))
	for _, n := range get(t, r, "shop")[0].Nodes {
		if n.Status != registry.Up {
			t.Errorf("undone: %+v", n)
		}
	}
	a.expectAll("update /a", "update /b", "update /c")
}

func overridesExpire(t *testing.T, tp redistest.Topology) {
	r, b := open(t, tp), behind(t, tp, "shop")
	op := r.Operator("alice")
	register(t, r, service("shop", node("a"), node("b")))
	left := func() time.Duration { return b.client.PTTL(t.Context(), b.keys.Override()).Val() }
	must(t, op.Set(t.Context(), "shop", "a", registry.Override{Weight: new(3), For: time.Hour}))
	if d := left(); d <= 59*time.Minute || d > time.Hour {
		t.Errorf("with an end in an hour they expire in %v", d)
	}
	const month = 30 * 24 * time.Hour
	must(t, op.Set(t.Context(), "shop", "b", registry.Override{Weight: new(3)}))
	if d := left(); d <= month-time.Minute || d > month {
		t.Errorf("with one that is bound they expire in %v", d)
	}
	must(t, op.Set(t.Context(), "shop", "b", registry.Override{Weight: new(3), Stay: true}))
	if d := left(); d != -1 {
		t.Errorf("with one that stays they expire in %v", d)
	}
	must(t, op.Undo(t.Context(), "shop", "b"))
	if d := left(); d <= 59*time.Minute || d > time.Hour {
		t.Errorf("once that is undone they expire in %v", d)
	}
	must(t, op.Set(t.Context(), "shop", "b", registry.Override{Weight: new(3), For: time.Second}))
	eventually(t, patience, func() error {
		if d := gocmp.Diff([]string{"a weight 3 by alice", "b weight 3 by alice, not in force"}, overridesOf(t, op, "shop")); d != "" {
			return errDiff(d)
		}
		return nil
	})
	must(t, op.Set(t.Context(), "shop", "a", registry.Override{Weight: new(4), For: time.Hour}))
	wantOverrides(t, op, "shop", "a weight 4 by alice") // what had ended is swept
}

func operatorMistakes(t *testing.T, tp redistest.Topology) {
	r := open(t, tp)
	op, anonymous := r.Operator("alice"), r.Operator("")
	register(t, r, service("shop", node("a")))
	ctx, some := t.Context(), registry.Override{Weight: new(3)}
	for what, err := range map[string]error{
		"sets nothing":        op.Set(ctx, "shop", "a", registry.Override{Reason: "x"}),
		"Service":             op.Set(ctx, "", "a", some),
		"Node":                op.Set(ctx, "shop", "", some),
		"Namespace":           op.In("*").Set(ctx, "shop", "a", some),
		"By":                  anonymous.Set(ctx, "shop", "a", some),
		"By: is empty":        anonymous.Remove(ctx, "shop", "a", ""),
		"Status":              op.Set(ctx, "shop", "a", registry.Override{Status: new(registry.Status(7))}),
		"Weight":              op.Set(ctx, "shop", "a", registry.Override{Weight: new(-2)}),
		"Reason":              op.Set(ctx, "shop", "a", registry.Override{Weight: new(1), Reason: "a\nb"}),
		"over 500":            op.Remove(ctx, "shop", "a", strings.Repeat("x", 501)),
		"under 1 ms":          op.Set(ctx, "shop", "a", registry.Override{Weight: new(1), For: 30}),
		"together with For":   op.Set(ctx, "shop", "a", registry.Override{Weight: new(1), For: time.Hour, Until: time.Now().Add(time.Hour)}),
		"is past":             op.Set(ctx, "shop", "a", registry.Override{Weight: new(1), Until: time.Now().Add(-time.Hour)}),
		"leave it out":        op.Set(ctx, "shop", "a", registry.Override{Weight: new(1), Until: time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC)}),
		"for no end":          op.Set(ctx, "shop", "a", registry.Override{Weight: new(1), For: 290 * 365 * 24 * time.Hour}),
		"Aspect":              op.Undo(ctx, "shop", "a", "zone"),
		"Node: is empty":      op.Remove(ctx, "shop", "", ""),
		"not UTF-8":           op.Set(ctx, "shop", "a", registry.Override{Metadata: map[string]*string{"k": new("\xff")}}),
		"too large":           op.Set(ctx, "shop", "a", registry.Override{Metadata: map[string]*string{"k": new(strings.Repeat("x", 3000))}}),
		"is empty: name who":  anonymous.Undo(ctx, "shop", "a"),
		"over 9007":           op.Set(ctx, "shop", "a", registry.Override{Weight: new(math.MaxInt)}),
		"Metadata: the key":   op.Set(ctx, "shop", "a", registry.Override{Metadata: map[string]*string{"\xff": new("v")}}),
		"fewer aspects":       op.Undo(ctx, "shop", "a", slices.Repeat([]string{"metadata:" + strings.Repeat("k", 200)}, 50)...),
		"501 bytes":           op.WithReason(strings.Repeat("x", 501)).Undo(ctx, "shop", "a"),
		"256 bytes":           r.Operator(strings.Repeat("a", 256)).Undo(ctx, "shop", "a"),
		"is not UTF-8":        op.Undo(ctx, "shop", "a", "metadata:\xff"),
		"a control character": r.Operator("a\x1b[2J").Undo(ctx, "shop", "a"),
	} {
		wantErr(t, err, registry.ErrInvalid)
		if err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%v, want it to say %q", err, what)
		}
	}
	if got := historyOf(t, op, "shop"); len(got) != 1 {
		t.Errorf("mistakes were written: %v", got)
	}
	wantErr(t, op.Set(ctx, "shop", "nobody", some), registry.ErrNotFound)
	wantErr(t, op.Set(ctx, "nothing", "a", some), registry.ErrNotFound)
	wantErr(t, op.Remove(ctx, "shop", "nobody", ""), registry.ErrNotFound)
	for i := range 6 {
		err := op.Set(ctx, "shop", "a", registry.Override{Metadata: map[string]*string{fmt.Sprint(i): new(strings.Repeat("x", 1500))}})
		if i < 5 {
			must(t, err)
		} else if wantErr(t, err, registry.ErrInvalid); !strings.Contains(fmt.Sprint(err), "undo some of it") {
			t.Errorf("%v", err)
		}
	}
	deregister(t, r, service("shop"))
	if _, err := op.Nodes(ctx, "shop"); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("nodes of nothing: %v", err)
	}
}
