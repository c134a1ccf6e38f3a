package registry_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

var histories = []testCase{
	{"the history says what happened, when, and who did it", historyTells},
	{"the history is long enough, and ends", historyIsBounded},
	{"the history shows overrides that ended by themselves", historyShowsEnds},
	{"the history shows why a node left, and that another process took it", historyShowsWhy},
	{"the history outlasts foreign entries and a lost version", historyIsDamaged},
}

// historyOf returns the history of a service, the oldest first.
func historyOf(t *testing.T, op *registry.Operator, service string) (found []string) {
	t.Helper()
	entries, err := op.History(t.Context(), service)
	must(t, err)
	for _, e := range entries {
		if time.Since(e.Time).Abs() > time.Minute {
			t.Errorf("%+v: when?", e)
		}
		line := strings.Join(strings.Fields(fmt.Sprint(e.Revision, e.Node, " ", e.Kind, " ", e.Detail, " ", e.By, " ", e.Reason)), " ")
		if e.From != "" && e.From != e.Lease {
			line = strings.NewReplacer(e.From, "OLD", e.Lease, "NEW").Replace(line)
		}
		found = append([]string{line}, found...)
	}
	return found
}

func historyTells(t *testing.T, tp redistest.Topology) {
	r := open(t, tp)
	op := r.Operator("alice")
	if _, err := op.History(t.Context(), "shop"); err == nil {
		t.Error("a history of nothing")
	} else {
		wantErr(t, err, registry.ErrNotFound)
	}
	register(t, r, service("shop", node("a"), node("b")))
	changed := node("a")
	changed.Weight = 7
	register(t, r, service("shop", changed))
	until := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	must(t, op.Set(t.Context(), "shop", "a", registry.Override{Status: draining(), Weight: new(3), Reason: "bad disk", Until: until}))
	must(t, op.SetAll(t.Context(), "shop", registry.Override{Metadata: map[string]*string{"k": nil}, Stay: true}))
	must(t, op.Undo(t.Context(), "shop", "a", "weight"))
	must(t, op.Undo(t.Context(), "shop", "a"))
	must(t, op.Remove(t.Context(), "shop", "b", "not ours"))
	register(t, open(t, tp), service("shop", node("a")))
	deregister(t, r, service("shop", node("b")))
	register(t, r, service("shop", node("b")))
	deregister(t, r, service("shop", node("b")))
	want := []string{
		"1a registered", "2b registered", "3a changed",
		"4a overridden set status draining, weight 3, until " + until.Format(time.RFC3339) + " alice bad disk",
		"5 overridden set metadata:k removed, also for later processes alice",
		"6a overridden undone: weight alice", "7a overridden undone: all alice", "8b removed alice not ours",
		"9a taken over from process OLD to NEW", "10b registered", "11b deregistered",
	}
	if d := cmp.Diff(want, historyOf(t, op, "shop")); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func historyIsBounded(t *testing.T, tp redistest.Topology) {
	r := open(t, tp)
	for i := range 12 {
		s := service("shop")
		for j := range 100 {
			n := node(fmt.Sprint(j))
			n.Weight = i + 1
			s.Nodes = append(s.Nodes, n)
		}
		register(t, r, s)
	}
	entries, err := r.Operator("").History(t.Context(), "shop")
	must(t, err)
	if n := len(entries); n < 1024 || n > 1152 {
		t.Errorf("%d entries, want 1,024 to 1,152", n)
	}
	if first, last := entries[0].Revision, entries[len(entries)-1].Revision; first != 1200 || last != 1200-uint64(len(entries))+1 {
		t.Errorf("from revision %d to %d", first, last)
	}
}

func historyShowsEnds(t *testing.T, tp redistest.Topology) {
	r, op := open(t, tp), open(t, tp).Operator("alice")
	register(t, r, service("shop", node("a"), node("b")))
	must(t, op.Set(t.Context(), "shop", "a", registry.Override{Status: draining(), Weight: new(3), For: time.Millisecond, Reason: "bad disk"}))
	must(t, op.Set(t.Context(), "shop", "b", registry.Override{Weight: new(1)}))
	must(t, op.Set(t.Context(), "shop", "b", registry.Override{Status: draining(), Stay: true}))
	must(t, op.Set(t.Context(), "shop", "b", registry.Override{Metadata: map[string]*string{"k": nil}, For: time.Hour}))
	must(t, op.WithReason("for now").Undo(t.Context(), "shop", "b", "metadata:k"))
	deregister(t, r, service("shop", node("b")))
	must(t, op.SetAll(t.Context(), "shop", registry.Override{Weight: new(4), For: time.Millisecond}))
	var found []string
	eventually(t, patience, func() error {
		found = nil
		for _, line := range historyOf(t, op, "shop") { // Redis has it at once, or in a millisecond
			found = append(found, regexp.MustCompile(`, until \S+`).ReplaceAllString(line, ""))
		}
		if n := strings.Count(strings.Join(found, "\n"), "time is over"); n != 2 {
			return fmt.Errorf("%d ends of time", n)
		}
		return nil
	})
	slices.Sort(found) // what ends in a millisecond ends among the changes
	want := []string{
		"0 ended weight 4: its time is over alice", "0a ended status draining, weight 3: its time is over alice bad disk",
		"0b ended weight 1: its process has the node no more alice", "1a registered", "2b registered",
		"3a overridden set status draining, weight 3 alice bad disk", "4b overridden set weight 1 alice",
		"5b overridden set status draining, also for later processes alice", "6b overridden set metadata:k removed alice",
		"7b overridden undone: metadata:k alice for now", "8b deregistered", "9 overridden set weight 4 alice",
	}
	if d := cmp.Diff(want, found); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func historyShowsWhy(t *testing.T, tp redistest.Topology) {
	first, second := open(t, tp), open(t, tp)
	op := first.Operator("alice")
	register(t, first, service("shop", node("a")))
	must(t, op.Set(t.Context(), "shop", "a", registry.Override{Weight: new(1)}))
	register(t, second, service("shop", node("a")))
	changed := node("a")
	changed.Weight = 7
	register(t, second, service("shop", changed))
	deregister(t, second, service("shop"), registry.DeregisterReason("killed\nby\xff "+strings.Repeat("ä", 500)))
	want := []string{
		"1a registered", "2a overridden set weight 1 alice", "3a taken over from process OLD to NEW",
		"0a ended weight 1: its process has the node no more alice", "4a changed",
		"5a deregistered killed by? " + strings.Repeat("ä", 244),
	}
	if d := cmp.Diff(want, historyOf(t, op, "shop")); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	e, err := op.Why(t.Context(), "shop", "a")
	must(t, err)
	if e.Presence != registry.NodeLeft || !strings.HasPrefix(e.Reason, "killed by") || e.By != "" {
		t.Errorf("why: %+v", e)
	}
}

func historyIsDamaged(t *testing.T, tp redistest.Topology) {
	r, b := open(t, tp, renewRarely), behind(t, tp, "shop")
	op := r.Operator("")
	want := func(want ...string) {
		t.Helper()
		if d := cmp.Diff(want, historyOf(t, op, "shop")); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	}
	register(t, r, service("shop", node("a"), node("b")))
	must(t, b.client.LPush(t.Context(), b.keys.Log(), "foreign").Err())
	want("0a registered", "0b registered")
	if e, err := op.Why(t.Context(), "shop", "a"); err != nil || len(e.History) != 1 {
		t.Errorf("why: %+v, %v", e, err)
	}
	must(t, b.client.LPop(t.Context(), b.keys.Log()).Err())
	want("1a registered", "2b registered")
	must(t, b.client.Del(t.Context(), b.keys.Version()).Err())
	want("0a registered", "0b registered")
	register(t, r, service("shop", node("c"))) // revisions begin at 1 again
	want("0a registered", "0b registered", "1c registered")
}
