package replica

import (
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/record"
)

func TestSnapshot(t *testing.T) {
	a, b := member(9, "a", 5, 1), member(10, "b", 6, 1)
	drained := b
	drained.Override = weighs(3)
	unreadable := Member{ID: "c", Lease: leaseOf(7), Rev: 11, Data: "?"}
	waits := snap(11, nil, a, b)
	waits.Overrides = map[string]string{"c": weighs(3)}
	spans := Snapshot{Before: pointOf(11), After: pointOf(12), Members: []Member{a, b}}
	other := snap(11, nil, b)
	other.Before.Epoch, other.After.Epoch = "f", "f"
	odd := put(13, "a", 5, 2)
	odd.Prev = tagOf(12, "x")
	for _, tc := range []struct {
		name    string
		from    *Replica
		snap    Snapshot
		while   []record.Event // come in between
		want    Outcome
		changes string
		shows   string
		at      uint64
	}{
		{"the first", New(), snap(10, nil, a, b), nil, Settled, "+a=1 +b=1", "a=1 b=1", 10},
		{"of a service without nodes", New(), snap(0, nil), nil, Settled, "", "", 0},
		{"nothing has changed", twoNodes(), snap(10, nil, a, b), nil, Settled, "", "a=1 b=1", 10},
		{"another version, the same nodes", twoNodes(), snap(12, nil, a, b), nil, Settled, "", "a=1 b=1", 12},
		{"changed, new", twoNodes(), snap(12, nil, member(11, "a", 5, 2), b, member(12, "c", 7, 1)), nil, Settled, "~a=2 +c=1", "a=2 b=1 c=1", 12},
		{"taken over with the same data", twoNodes(), snap(11, nil, member(11, "a", 7, 1), b), nil, Settled, "", "a=1 b=1", 11},
		{"an override", twoNodes(), snap(11, nil, a, drained), nil, Settled, "~b=3", "a=1 b=3", 11},
		{"a hash is missing", twoNodes(), snap(10, nil, Member{ID: "a"}, b), nil, Settled, "", "a=1 b=1", 10},
		{
			"a hash is missing, and it has an override", twoNodes(), snap(11, nil, Member{ID: "a", Override: weighs(3)}, b),
			nil, Settled, "~a=3", "a=3 b=1", 11,
		},
		{"a hash was never seen", New(), snap(10, nil, Member{ID: "a"}, b), nil, Settled, "+b=1", "b=1", 10},
		{"a record that cannot be read", twoNodes(), snap(11, nil, a, b, unreadable), nil, Settled, "", "a=1 b=1", 11},

		{"a deregistration in the log", twoNodes(), snap(11, logOf(put(10, "b", 6, 1), del(11, "a", 5)), b), nil, Settled, "-a=1", "b=1", 11},
		{"an operator's removal in the log", twoNodes(), snap(11, logOf(put(10, "b", 6, 1), del(11, "a", 7)), b), nil, Settled, "-a=1", "b=1", 11},
		{"an end in the log", twoNodes(), snap(11, logOf(put(10, "b", 6, 1), exp(11, "a")), b), nil, Settled, "!a=1", "b=1", 11},
		{
			"a deregistration and then an override", twoNodes(),
			snap(12, logOf(put(10, "b", 6, 1), del(11, "a", 5), set(12, "a", "")), b), nil, Settled, "-a=1", "b=1", 12,
		},
		{
			"a deregistration of an older lease", twoNodes(),
			snap(11, logOf(put(10, "b", 6, 1), del(11, "a", 4)), b), nil, Settled, "", "a=1(held) b=1", 11,
		},
		{
			"registered last, and not there", twoNodes(),
			snap(12, logOf(put(10, "b", 6, 1), del(11, "a", 5), put(12, "a", 7, 1)), b), nil, Settled, "", "a=1(held) b=1", 12,
		},
		{"not in the log", twoNodes(), snap(11, logOf(put(10, "b", 6, 1), put(11, "b", 6, 1)), b), nil, Settled, "", "a=1(held) b=1", 11},
		{
			"an end in the log, before where we were", twoNodes(),
			snap(11, logOf(exp(8, "a"), put(10, "b", 6, 1), put(11, "b", 6, 1)), b), nil, Settled, "", "a=1(held) b=1", 11,
		},
		{"the log is cut off", twoNodes(), snap(12, logOf(del(11, "a", 5), put(12, "b", 6, 1)), b), nil, Settled, "", "a=1(held) b=1", 12},
		{"the log is lost", twoNodes(), snap(11, nil, b), nil, Settled, "", "a=1(held) b=1", 11},
		{"another history", twoNodes(), other, nil, Settled, "", "a=1(held) b=1", 11},
		{"all is lost", twoNodes(), snap(0, nil), nil, Settled, "", "a=1(held) b=1(held)", 0},

		{"an event between its versions", twoNodes(), spans, []record.Event{put(12, "c", 7, 1)}, Settled, "+c=1", "a=1 b=1 c=1", 12},
		{
			"what its pages saw already", New(),
			Snapshot{Before: pointOf(11), After: pointOf(13), Members: []Member{a, member(12, "c", 7, 1)}},
			[]record.Event{put(12, "c", 7, 1), del(13, "b", 6)},
			Settled, "+a=1 +c=1", "a=1 c=1", 13,
		},
		{"an override between", twoNodes(), spans, []record.Event{set(12, "a", weighs(3))}, Settled, "~a=3", "a=3 b=1", 12},
		{
			"an override undone between", twoNodes(),
			Snapshot{Before: pointOf(11), After: pointOf(12), Members: []Member{a, drained}},
			[]record.Event{set(12, "b", "")},
			Settled, "", "a=1 b=1", 12,
		},
		{"a deregistration between", twoNodes(), spans, []record.Event{del(12, "a", 5)}, Settled, "", "a=1(held) b=1", 12},
		{
			"a deregistration between, and the log from where we were", twoNodes(),
			Snapshot{Before: pointOf(10), After: pointOf(11), Members: []Member{a, b}, Log: logOf(put(10, "b", 6, 1))},
			[]record.Event{del(11, "a", 5)},
			Settled, "-a=1", "b=1", 11,
		},
		{"an event twice", twoNodes(), spans, []record.Event{put(12, "c", 7, 1), put(12, "c", 7, 1)}, Settled, "+c=1", "a=1 b=1 c=1", 12},
		{"events lead on", twoNodes(), spans, []record.Event{put(12, "c", 7, 1), put(13, "c", 7, 2)}, Settled, "+c=2", "a=1 b=1 c=2", 13},
		{"an event is not there", twoNodes(), spans, nil, Reread, "", "a=1 b=1", 10},
		{"an event leads elsewhere", twoNodes(), spans, []record.Event{odd}, Reread, "", "a=1 b=1", 10},
		{"an odd event stays", twoNodes(), spans, []record.Event{put(12, "c", 7, 1), odd}, Unexplained, "+c=1", "a=1 b=1 c=1", 12},
		{
			"it begins before the first version", New(),
			Snapshot{After: pointOf(1), Members: []Member{a}},
			[]record.Event{put(1, "a", 5, 1)},
			Reread, "", "", 0,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := tc.from
			r.Begin()
			for _, e := range tc.while {
				r.Event(e)
			}
			same(t, "outcome", r.Snapshot(tc.snap), tc.want)
			same(t, "changes", changesOf(r), tc.changes)
			same(t, "shown", shows(r), tc.shows)
			same(t, "revision", r.At().Rev, tc.at)
		})
	}
}

// An override of a node that is not there is kept until the node comes.
func TestSnapshotOverridesOfOthers(t *testing.T) {
	s := snap(11, nil, member(10, "b", 6, 1))
	s.Overrides = map[string]string{"c": weighs(3)}
	r := New()
	take(r, s)
	r.Event(put(12, "c", 7, 1))
	same(t, "shown", shows(r), "b=1 c=3")
}

// Events that were applied while the snapshot was read are not taken back: it is
// older than they are.
func TestSnapshotOlderThanEvents(t *testing.T) {
	r := twoNodes()
	r.Begin()
	r.Event(put(11, "c", 7, 1))
	same(t, "changes by events", changesOf(r), "+c=1")
	s := snap(10, nil, member(9, "a", 5, 1), member(10, "b", 6, 1))
	same(t, "outcome", r.Snapshot(s), Settled)
	same(t, "changes by the snapshot", changesOf(r), "")
	same(t, "at", r.At(), pointOf(11))
	same(t, "the next event", r.Event(put(12, "c", 7, 2)), Settled)
}

// Events are recorded from Begin to Snapshot or Abandon, and only for that.
func TestRecording(t *testing.T) {
	spans := Snapshot{Before: pointOf(10), After: pointOf(11)}
	for name, end := range map[string]func(*Replica){
		"snapshot":       func(r *Replica) { r.Snapshot(Snapshot{Before: pointOf(7), After: pointOf(8)}) },
		"abandon":        (*Replica).Abandon,
		"another begins": (*Replica).Begin,
	} {
		t.Run(name, func(t *testing.T) {
			r := twoNodes()
			r.Begin()
			r.Event(put(11, "a", 5, 2))
			end(r)
			same(t, "outcome", r.Snapshot(spans), Reread)
			same(t, "shown", shows(r), "a=2 b=1")
		})
	}
}

func TestHold(t *testing.T) {
	b := member(10, "b", 6, 1)
	for _, tc := range []struct {
		name    string
		do      func(*Replica)
		changes string
		shows   string
	}{
		{"it is shown", func(*Replica) {}, "", "a=1(held) b=1"},
		{"registered again", func(r *Replica) { r.Event(put(12, "a", 5, 1)) }, "", "a=1 b=1"},
		{"registered again, otherwise", func(r *Replica) { r.Event(put(12, "a", 7, 2)) }, "~a=2", "a=2 b=1"},
		{"registered again so that it cannot be read", func(r *Replica) { r.Event(change(12, record.Put, "a", 7, "?")) }, "-a=1", "b=1"},
		{"a deregistration", func(r *Replica) { r.Event(del(12, "a", 5)) }, "-a=1", "b=1"},
		{"a deregistration of an older lease", func(r *Replica) { r.Event(del(12, "a", 4)) }, "", "a=1(held) b=1"},
		{"an end", func(r *Replica) { r.Event(exp(12, "a")) }, "", "a=1(held) b=1"},
		{"an override", func(r *Replica) { r.Event(set(12, "a", weighs(3))) }, "~a=3", "a=3(held) b=1"},
		{"a re-read that has it", func(r *Replica) { take(r, snap(12, nil, member(12, "a", 5, 1), b)) }, "", "a=1 b=1"},
		{"a re-read without it", func(r *Replica) { take(r, snap(12, nil, b)) }, "", "a=1(held) b=1"},
		{"a re-read, its hash is missing", func(r *Replica) { take(r, snap(12, nil, b, Member{ID: "a"})) }, "", "a=1(held) b=1"},
		{"a deregistration in the log", func(r *Replica) { take(r, snap(12, logOf(put(11, "b", 6, 1), del(12, "a", 5)), b)) }, "-a=1", "b=1"},
		{"an end in the log", func(r *Replica) { take(r, snap(12, logOf(put(11, "b", 6, 1), exp(12, "a")), b)) }, "", "a=1(held) b=1"},
		{
			"a TTL of contact", func(r *Replica) {
				r.Pass(time.Hour, time.Unix(1, 0)) // before it was missed
				r.Pass(ttl-1, time.Unix(1, 0))
				same(t, "shown before", shows(r), "a=1(held) b=1")
				r.Pass(1, time.Unix(1, 0))
			}, "!a=1", "b=1", // it was not deregistered
		},
		{
			"a second loss, which may have taken it after it was back", func(r *Replica) {
				r.Pass(0, time.Unix(1, 0))
				r.Pass(ttl-1, time.Unix(1, 0))
				take(r, snap(0, nil))
				r.Pass(1, time.Unix(1, 0))
				r.Pass(ttl-1, time.Unix(1, 0))
				same(t, "shown before", shows(r), "a=1(held) b=1(held)")
				r.Pass(1, time.Unix(1, 0))
			}, "!a=1 !b=1", "",
		},
		{
			"a fork that has overtaken it, and may have left out that it was back", func(r *Replica) {
				r.Pass(0, time.Unix(1, 0))
				r.Pass(ttl-1, time.Unix(1, 0))
				other := put(11, "c", 7, 1)
				other.Tag = tagOf(11, "another")
				take(r, snap(12, logOf(other, put(12, "b", 6, 1)), b))
				r.Pass(1, time.Unix(1, 0))
				r.Pass(ttl-1, time.Unix(1, 0))
				same(t, "shown before", shows(r), "a=1(held) b=1")
				r.Pass(1, time.Unix(1, 0))
			}, "!a=1", "b=1",
		},
		{
			"its clock goes on while nothing more is lost", func(r *Replica) {
				r.Pass(0, time.Unix(1, 0))
				r.Pass(ttl-1, time.Unix(1, 0))
				take(r, snap(12, logOf(put(11, "b", 6, 1), put(12, "b", 6, 1)), b))
				r.Pass(1, time.Unix(1, 0))
			}, "!a=1", "b=1",
		},
		{
			"its clock goes on where the log does not reach back", func(r *Replica) {
				r.Pass(0, time.Unix(1, 0))
				r.Pass(ttl-1, time.Unix(1, 0))
				take(r, snap(12, logOf(put(12, "b", 6, 1)), b))
				r.Pass(1, time.Unix(1, 0))
			}, "!a=1", "b=1",
		},
		{
			"lost again after it was back", func(r *Replica) {
				r.Pass(0, time.Unix(1, 0))
				r.Pass(ttl-1, time.Unix(1, 0))
				r.Event(put(12, "a", 5, 1))
				take(r, snap(13, nil, b))
				r.Pass(0, time.Unix(1, 0))
				r.Pass(ttl-1, time.Unix(1, 0))
			}, "", "a=1(held) b=1",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := twoNodes()
			take(r, snap(11, nil, b))
			before, held := r.Holding(), r.Held("a")
			tc.do(r)
			same(t, "changes", changesOf(r), tc.changes)
			same(t, "shown", shows(r), tc.shows)
			if held != r.Held("a") && r.Holding() == before {
				t.Error("a hold ended, and Holding does not count it")
			}
		})
	}
}

// What the owner asks about its members.
func TestMembers(t *testing.T) {
	r := twoNodes()
	take(r, snap(11, nil, member(10, "b", 6, 1)))
	same(t, "a, which is held", r.Shows("a"), false)
	same(t, "b", r.Shows("b"), true)
	same(t, "its TTL", r.TTLOf("b"), ttl)
	same(t, "the longest", r.TTL(), ttl)
	same(t, "of none", empty().TTL(), time.Duration(0))
}
