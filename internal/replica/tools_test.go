package replica

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-go/rollcall/internal/record"
)

const ttl = 15 * time.Second

// tagOf is the tag of a revision, in this history or in branch b of it.
func tagOf(rev uint64, branch ...string) string {
	if rev == 0 {
		return ""
	}
	return fmt.Sprintf("%040x", strings.Join(branch, "")+fmt.Sprint(rev))
}

func pointOf(rev uint64) Point {
	if rev == 0 {
		return Point{}
	}
	return Point{"e", rev, tagOf(rev)}
}

func leaseOf(n int64) string { return record.Lease{Start: n, Nonce: "000000000000"}.String() }

func dataOf(id string, n int) string {
	return fmt.Sprintf(`{"v":1,"address":"%s:1","weight":%d,"ttl":%d}`, id, n, ttl.Milliseconds())
}

// weighs is an override of the weight, for whatever lease and without an end; that of a
// record makes it differ from the next.
func weighs(n int) string { return fmt.Sprintf(`weight 0 1 - {"value":%d}`, n) }

// change is the event that leads to a revision. An end names no lease.
func change(rev uint64, kind record.Kind, id string, lease int64, payload string) record.Event {
	e := record.Event{
		Epoch: "e", Rev: rev, Prev: tagOf(rev - 1), Tag: tagOf(rev), Time: time.Unix(int64(rev), 0),
		Kind: kind, ID: id, Payload: []byte(payload),
	}
	if lease > 0 {
		e.Lease = leaseOf(lease)
	}
	return e
}

func put(rev uint64, id string, lease int64, n int) record.Event {
	return change(rev, record.Put, id, lease, dataOf(id, n))
}

func set(rev uint64, id, override string) record.Event {
	return change(rev, record.Set, id, 0, override)
}

func del(rev uint64, id string, lease int64) record.Event {
	return change(rev, record.Del, id, lease, "")
}

func exp(rev uint64, id string) record.Event { return change(rev, record.Exp, id, 0, "") }

// member is a node of the index, registered with a revision.
func member(rev uint64, id string, lease int64, n int) Member {
	return Member{ID: id, Lease: leaseOf(lease), Rev: rev, Data: dataOf(id, n)}
}

// logOf is a log of some changes, given in their order.
func logOf(events ...record.Event) []record.LogEntry {
	return Snapshot{}.scene(events).log
}

// snap is a snapshot that no change has come into.
func snap(rev uint64, log []record.LogEntry, members ...Member) Snapshot {
	return Snapshot{Before: pointOf(rev), After: pointOf(rev), Log: log, Members: members, Now: time.Unix(int64(rev), 0)}
}

// twoNodes is a replica at revision 10, with a of lease 5 and b of lease 6.
func twoNodes() *Replica {
	r := New()
	r.Begin()
	r.Snapshot(snap(10, logOf(put(9, "a", 5, 1), put(10, "b", 6, 1)), member(9, "a", 5, 1), member(10, "b", 6, 1)))
	r.Changes()
	return r
}

// empty is a replica of a service that never had a node.
func empty() *Replica {
	r := New()
	r.Begin()
	r.Snapshot(snap(0, nil))
	return r
}

// take gives a replica a snapshot.
func take(r *Replica, s Snapshot) Outcome {
	r.Begin()
	return r.Snapshot(s)
}

// changesOf is the changes that callers get, as "+a=1 ~a=2 -a=2", and !a=2 where a
// lease ran out.
func changesOf(r *Replica) string {
	var all []string
	for _, c := range r.Changes() {
		sign := c.Action
		if c.Lapsed {
			sign++
		}
		all = append(all, string("+~-!"[sign])+c.Node.ID+"="+fmt.Sprint(c.Node.Record.Weight))
	}
	return strings.Join(all, " ")
}

// shows is what callers see: the nodes, as "a=1 b=1(held)".
func shows(r *Replica) string {
	var all []string
	for _, n := range r.Nodes() {
		s := n.ID + "=" + fmt.Sprint(n.Record.Weight)
		if r.Held(n.ID) {
			s += "(held)"
		}
		all = append(all, s)
	}
	return strings.Join(all, " ")
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// leaseOf returns the lease of a member; "" if it is none.
func (r *Replica) leaseOf(id string) string {
	if n, member := r.nodes[id]; member {
		return n.Lease
	}
	return ""
}
