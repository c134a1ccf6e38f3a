package registry_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

var histories = []testCase{
	{"the history says what happened, when, and who did it", historyTells},
	{"the history is long enough, and ends", historyIsBounded},
	{"the history outlasts foreign entries and a lost version", historyIsDamaged},
	{"why says whether a node is there, and why not", whyExplains},
	{"why of a node whose lease ended", whyExpired},
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
		"9a registered", "10b registered", "11b deregistered",
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

func whyExplains(t *testing.T, tp redistest.Topology) {
	r, b := open(t, tp, renewRarely), behind(t, tp, "shop")
	op := r.Operator("alice")
	why := func(id string, want registry.Presence, says string) *registry.Explanation {
		t.Helper()
		e, err := op.Why(t.Context(), "shop", id)
		must(t, err)
		if e.Presence != want || !strings.Contains(e.Cause, says) {
			t.Errorf("%s is %v: %s; want %v", id, e.Presence, e.Cause, want)
		}
		if want != registry.NodePresent && e.Remedy == "" {
			t.Errorf("%s: no remedy", id)
		}
		return e
	}
	why("a", registry.NodeUnknown, "never registered")
	register(t, r, service("shop", node("a"), node("b"), node("c"), node("d"), node("e")))
	must(t, op.Set(t.Context(), "shop", "a", registry.Override{Status: draining(), Reason: "bad disk"}))
	e := why("a", registry.NodePresent, "is registered")
	if i := e.Info; i == nil || i.Node.Status != registry.Draining || len(i.Overrides) != 1 || i.Overrides[0].Reason != "bad disk" || len(e.History) != 2 {
		t.Errorf("%+v", e)
	}
	ending := redis.Z{Score: float64(time.Now().Add(100 * time.Millisecond).UnixMilli()), Member: "c"}
	must(t, b.client.ZAddXX(t.Context(), b.keys.Index(), ending).Err())
	why("c", registry.NodePresent, "is late: its process")
	must(t, op.Remove(t.Context(), "shop", "b", "not ours"))
	if e := why("b", registry.NodeRemoved, "operator"); e.By != "alice" || e.Reason != "not ours" || time.Since(e.Since).Abs() > time.Minute {
		t.Errorf("%+v", e)
	}
	deregister(t, r, service("shop", node("c")))
	why("c", registry.NodeLeft, "deregistered")
	must(t, b.client.Del(t.Context(), b.keys.Node("b"), b.keys.Node("c")).Err()) // as when a minute has passed
	why("b", registry.NodeRemoved, "operator")
	why("c", registry.NodeLeft, "deregistered")
	must(t, b.client.ZRem(t.Context(), b.keys.Index(), "d").Err())
	why("d", registry.NodeUnlisted, "index")
	must(t, b.client.Del(t.Context(), b.keys.Node("e")).Err())
	why("e", registry.NodeLost, "lost")
	must(t, b.client.HSet(t.Context(), b.keys.Node("a"), "data", "?").Err())
	why("a", registry.NodePresent, "cannot be read")
	must(t, b.client.HSet(t.Context(), b.keys.Node("a"), "lease", "?").Err())
	if e := why("a", registry.NodePresent, "cannot be read"); !e.Since.IsZero() {
		t.Errorf("since %v, which nothing says", e.Since)
	}
	if _, err := op.Why(t.Context(), "shop", ""); err == nil {
		t.Error("why of no node")
	}
}

func whyExpired(t *testing.T, tp redistest.Topology) {
	const ttl = time.Second
	b := behind(t, tp, "shop")
	r := open(t, tp, registry.TTL(ttl))
	register(t, r, service("shop", node("reaper")))
	b.manualNode("crashing", ttl).renew()
	eventually(t, patience, func() error {
		e, err := r.Operator("").Why(t.Context(), "shop", "crashing")
		must(t, err)
		if last := e.History[0]; e.Presence != registry.NodeExpired || last.Kind != registry.ChangeExpired || !e.Since.Equal(last.Time) {
			return fmt.Errorf("it is %v since %v: %s", e.Presence, e.Since, e.Cause)
		}
		return nil
	})
}
