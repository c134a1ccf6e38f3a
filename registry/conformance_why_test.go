package registry_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rollcall-go/rollcall/internal/redistest"
	"github.com/rollcall-go/rollcall/registry"
)

var explanations = []testCase{
	{"why says whether a node is there, and why not", whyExplains},
	{"why of a node whose lease ended", whyExpired},
	{"a crash is dated by the end of the lease, before and after a process finds it", whyExpiredAlone},
	{"why of a node that another process took over, and since when it is there", whyTakenOver},
	{"why of a node that one process took over and then left", whyTakenOverAndLeft},
	{"why of a node from before the history", whyBefore},
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

// Nothing is left of the service that could remove the node: the history and why tell of the crash
// all the same, and the same when a process comes that removes it.
func whyExpiredAlone(t *testing.T, tp redistest.Topology) {
	const ttl = time.Second
	b, r := behind(t, tp, "shop"), open(t, tp, registry.TTL(ttl))
	op := r.Operator("alice")
	b.manualNode("crashing", ttl).renew()
	score, err := b.client.ZScore(t.Context(), b.keys.Index(), "crashing").Result()
	must(t, err)
	ended := time.UnixMilli(int64(score))
	var e *registry.Explanation
	why := func(want string) {
		t.Helper()
		eventually(t, patience, func() (err error) {
			e, err = op.Why(t.Context(), "shop", "crashing")
			must(t, err)
			all, err := op.History(t.Context(), "shop")
			must(t, err)
			if got := fmt.Sprintf("%v, in the log: %v", e.Presence, all[0].Revision+all[min(1, len(all)-1)].Revision > 1); got != want {
				return fmt.Errorf("it is %s, want %s: %+v", got, want, all)
			}
			var found []registry.HistoryEntry
			for _, h := range all {
				if h.Kind == registry.ChangeExpired {
					found = append(found, h)
				}
			}
			if len(found) != 1 || found[0].Node != "crashing" || !found[0].Time.Equal(ended) || !e.Since.Equal(ended) {
				t.Fatalf("the lease ended at %v; why says since %v, the history %+v", ended, e.Since, all)
			}
			return nil
		})
		if !strings.Contains(e.Cause, "its process crashed") {
			t.Error(e.Cause)
		}
	}
	why("expired, in the log: false")
	if !strings.Contains(e.Cause, "no process of the service is there to remove it") {
		t.Error(e.Cause)
	}
	must(t, op.SetAll(t.Context(), "shop", registry.Override{Weight: new(1)})) // after the crash, before it is found
	register(t, r, service("shop", node("reaper")))
	eventually(t, patience, func() error {
		if n := b.client.ZCard(t.Context(), b.keys.Index()).Val(); n != 1 {
			return fmt.Errorf("%d nodes in the index", n)
		}
		return nil
	})
	why("expired, in the log: true")
	if strings.Contains(e.Cause, "is there to remove it") {
		t.Error(e.Cause)
	}
	if all, err := op.History(t.Context(), "shop"); err != nil || !slices.IsSortedFunc(all, func(a, b registry.HistoryEntry) int { return b.Time.Compare(a.Time) }) {
		t.Errorf("not the newest first: %+v, %v", all, err)
	}
}

func whyTakenOver(t *testing.T, tp redistest.Topology) {
	const ttl = time.Second
	r, b := open(t, tp, registry.TTL(ttl)), behind(t, tp, "shop")
	register(t, r, service("shop", node("reaper")))
	register(t, open(t, tp), service("shop", node("a")))
	register(t, open(t, tp), service("shop", node("a")))
	why := func(id string) *registry.Explanation {
		e, err := r.Operator("").Why(t.Context(), "shop", id)
		must(t, err)
		return e
	}
	if e := why("a"); e.Presence != registry.NodePresent || !strings.Contains(e.Cause, e.History[1].Lease) {
		t.Errorf("it is %v: %s, want that process %s had it", e.Presence, e.Cause, e.History[1].Lease)
	}
	m := b.manualNode("returning", ttl)
	m.renew()
	first := why("returning")
	eventually(t, patience, func() error {
		if last := why("returning").History[0]; last.Kind != registry.ChangeExpired || last.Revision == 0 { // not in the log yet
			return fmt.Errorf("it is %v, revision %d", last.Kind, last.Revision)
		}
		return nil
	})
	m.renew()
	if e := why("returning"); e.Presence != registry.NodePresent || e.Info.Lease != first.Info.Lease || !e.Since.Equal(e.History[0].Time) {
		t.Errorf("%v since %v: %s, %+v", e.Presence, e.Since, e.Info.Lease, e.History)
	}
}

// A node that does not come back after Redis has lost all data was registered before the history
// begins.
func whyBefore(t *testing.T, tp redistest.Topology) {
	gone, r, b := open(t, tp), open(t, tp, renewRarely), behind(t, tp, "shop")
	register(t, gone, service("shop", node("gone")))
	must(t, b.client.Del(t.Context(), b.keys.Index(), b.keys.Version(), b.keys.Log(), b.keys.Node("gone")).Err())
	must(t, gone.Close(t.Context()))
	why := func(began bool, says string) {
		t.Helper()
		e, err := r.Operator("").Why(t.Context(), "shop", "gone")
		must(t, err)
		if e.Presence != registry.NodeUnknown || e.Began.IsZero() == began || !strings.Contains(e.Cause, says) {
			t.Errorf("it is %v, since %v: %s", e.Presence, e.Began, e.Cause)
		}
	}
	must(t, b.client.Del(t.Context(), b.keys.Node("gone")).Err()) // its tombstone
	why(false, "no history of the service")
	register(t, r, service("shop", node("other")))
	history, err := r.Operator("").History(t.Context(), "shop")
	must(t, err)
	why(true, "at "+history[0].Time.Format(time.RFC3339)+". Whether it did before cannot be known")
}

// The process that had the node before may still run, and does not come back by itself.
func whyTakenOverAndLeft(t *testing.T, tp redistest.Topology) {
	r, newer := open(t, tp), open(t, tp)
	register(t, r, service("shop", node("a")))
	register(t, newer, service("shop", node("a")))
	deregister(t, newer, service("shop", node("a")))
	why := func() *registry.Explanation {
		e, err := r.Operator("").Why(t.Context(), "shop", "a")
		must(t, err)
		if e.Presence != registry.NodeLeft {
			t.Errorf("it is %v", e.Presence)
		}
		return e
	}
	e := why()
	if !strings.Contains(e.Cause, e.History[1].From+"), which may still run and has given up") || !strings.Contains(e.Remedy, "restart it") {
		t.Errorf("%s %s", e.Cause, e.Remedy)
	}
	deregister(t, r, service("shop", node("a")))
	register(t, r, service("shop", node("a")))
	deregister(t, r, service("shop", node("a")))
	if e := why(); strings.Contains(e.Cause, "may still run") {
		t.Error(e.Cause)
	}
}
