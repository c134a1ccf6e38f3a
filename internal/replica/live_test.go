package replica

import (
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/record"
)

// alive is the message of nodes, under one lease, that they live.
func alive(since int64, lease int64, ids ...string) record.Live {
	l := record.Live{Since: time.Unix(since, 0), Why: "READONLY You can't write."}
	for _, id := range ids {
		l.Nodes = append(l.Nodes, record.LiveNode{Lease: leaseOf(lease), ID: id})
	}
	return l
}

// A node that reported that it is alive is held, even if its lease ends.
func TestLive(t *testing.T) {
	a, b := member(9, "a", 5, 1), member(10, "b", 6, 1)
	gone := Member{ID: "a"} // its hash is
	ends := change(11, record.Exp, "a", 5, "")
	at := func(s int64) time.Time { return time.Unix(s, 0) }
	for _, tc := range []struct {
		name    string
		do      func(*Replica)
		changes string
		shows   string
	}{
		{"it is shown", func(*Replica) {}, "", "a=1(held) b=1"},
		{"an end", func(r *Replica) { r.Event(exp(11, "a")) }, "", "a=1(held) b=1"},
		{"an end of another", func(r *Replica) { r.Event(exp(11, "b")) }, "!b=1", "a=1(held)"},
		{"its hash is missing", func(r *Replica) { r.Missing([]string{"a"}, r.Mark(), at(20)) }, "", "a=1(held) b=1"},
		{"an end in the log", func(r *Replica) { take(r, snap(11, logOf(put(10, "b", 6, 1), exp(11, "a")), b)) }, "", "a=1(held) b=1"},
		{"an end that names its lease", func(r *Replica) { r.Event(ends) }, "", "a=1(held) b=1"},
		{"an end in the log that names its lease", func(r *Replica) { take(r, snap(11, logOf(put(10, "b", 6, 1), ends), b)) }, "", "a=1(held) b=1"},
		{"a deregistration", func(r *Replica) { r.Event(del(11, "a", 5)) }, "-a=1", "b=1"},
		{"a deregistration in the log", func(r *Replica) { take(r, snap(11, logOf(put(10, "b", 6, 1), del(11, "a", 5)), b)) }, "-a=1", "b=1"},
		{"a deregistration after its end", func(r *Replica) { r.Event(exp(11, "a")); r.Event(del(12, "a", 5)) }, "-a=1", "b=1"},
		{"registered again", func(r *Replica) { r.Event(put(11, "a", 5, 1)) }, "", "a=1 b=1"},
		{"registered again after its end", func(r *Replica) { r.Event(exp(11, "a")); r.Event(put(12, "a", 5, 1)) }, "", "a=1 b=1"},
		{"registered anew", func(r *Replica) { r.Event(put(11, "a", 7, 2)) }, "~a=2", "a=2 b=1"},
		{"registered so that it cannot be read", func(r *Replica) { r.Event(change(11, record.Put, "a", 7, "?")) }, "-a=1", "b=1"},
		{"a re-read of the same registration", func(r *Replica) { take(r, snap(10, nil, a, b)) }, "", "a=1(held) b=1"},
		{"a re-read of a newer one", func(r *Replica) { take(r, snap(11, nil, member(11, "a", 5, 1), b)) }, "", "a=1 b=1"},
		{"a re-read, its hash is missing", func(r *Replica) { take(r, snap(10, nil, gone, b)) }, "", "a=1(held) b=1"},
		{"renewed before its report", func(r *Replica) { r.Renewed(func(string) time.Time { return at(20).Add(ttl) }) }, "", "a=1(held) b=1"},
		{"renewed after its report", func(r *Replica) { r.Renewed(func(string) time.Time { return at(20).Add(ttl + 1) }) }, "", "a=1 b=1"},
		{
			"renewed after its hash was missing", func(r *Replica) {
				r.Missing([]string{"a"}, r.Mark(), at(20))
				same(t, "before its report", r.Renewed(func(string) time.Time { return at(20).Add(ttl) }), false)
				same(t, "after its report", r.Renewed(func(string) time.Time { return at(20).Add(ttl + 1) }), true)
				take(r, snap(10, nil, a, b))
			}, "", "a=1 b=1",
		},
		{"an older lease reports the same", func(r *Replica) { r.Live(alive(12, 5, "b"), at(20)) }, "", "a=1(held) b=1"},
		{"a newer lease reports the same", func(r *Replica) { r.Live(alive(12, 7, "b"), at(20)) }, "", "a=1(held) b=1"},
		{"a node that is not known reports it", func(r *Replica) { r.Live(alive(12, 5, "c"), at(20)) }, "", "a=1(held) b=1"},
		{
			"its deregistration, and then an old message", func(r *Replica) {
				r.Event(del(11, "a", 5))
				r.Live(alive(12, 5, "a"), at(20))
			}, "-a=1", "b=1",
		},
		{
			"a TTL after its report, its lease still runs", func(r *Replica) {
				r.Pass(time.Hour, at(21)) // a second of it after its report
				r.Pass(ttl-2*time.Second, at(34))
				same(t, "shown before", shows(r), "a=1(held) b=1")
				r.Pass(time.Second, at(35))
			}, "", "a=1 b=1",
		},
		{
			"a TTL after its report, its lease has ended", func(r *Replica) {
				r.Event(exp(11, "a"))
				r.Pass(ttl-1, at(50))
				same(t, "shown before", shows(r), "a=1(held) b=1")
				r.Pass(1, at(51))
			}, "!a=1", "b=1",
		},
		{
			"it reports again", func(r *Replica) {
				r.Event(exp(11, "a"))
				r.Pass(ttl-1, at(50))
				r.Live(alive(12, 5, "a"), at(51))
				r.Pass(ttl-1, at(90))
			}, "", "a=1(held) b=1",
		},
		{
			"it was lost, and reports then", func(r *Replica) {
				take(r, snap(0, nil, b))
				r.Pass(0, at(30))
				r.Pass(ttl-1, at(40))
				r.Live(alive(12, 5, "a"), at(50))
				r.Pass(ttl-1, at(90))
			}, "", "a=1(held) b=1",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := twoNodes()
			r.Live(alive(12, 5, "a"), at(20))
			before, held := r.Holding(), r.Held("a")
			same(t, "refusal", r.Refusal(), Refusal{at(12), "READONLY You can't write."})
			tc.do(r)
			same(t, "changes", changesOf(r), tc.changes)
			same(t, "shown", shows(r), tc.shows)
			if held != r.Held("a") && r.Holding() == before {
				t.Error("a hold ended, and Holding does not count it")
			}
			if refused := r.Refusal() != (Refusal{}); refused != r.Held("a") {
				t.Errorf("refusal %v, with a held: %v", r.Refusal(), r.Held("a"))
			}
		})
	}
}

// The refusal is the earliest that is reported, and ends with the last node that is held
// for it.
func TestRefusal(t *testing.T) {
	r := twoNodes()
	same(t, "of none", r.Refusal(), Refusal{})
	r.Live(alive(12, 6, "b"), time.Unix(20, 0))
	later := alive(11, 5, "a")
	later.Why = "OOM"
	r.Live(later, time.Unix(21, 0))
	same(t, "of two", r.Refusal(), Refusal{time.Unix(11, 0), "OOM"})
	r.Live(alive(12, 6, "b"), time.Unix(22, 0))
	r.Event(put(11, "a", 5, 1))
	same(t, "of one", r.Refusal(), Refusal{time.Unix(11, 0), "OOM"})
	r.Event(exp(12, "b"))
	same(t, "of one that ran out", r.Refusal(), Refusal{time.Unix(11, 0), "OOM"})
	r.Event(put(13, "b", 6, 1))
	same(t, "of none any more", r.Refusal(), Refusal{})
}
