package replica

import (
	"testing"

	"github.com/rollcall-go/rollcall/internal/record"
)

func TestEvent(t *testing.T) {
	fork := put(11, "c", 7, 1)
	fork.Prev, fork.Tag = tagOf(10, "x"), tagOf(11, "x")
	first := put(1, "c", 7, 1)
	first.Epoch = "f"
	for _, tc := range []struct {
		name    string
		from    *Replica
		events  []record.Event
		want    Outcome // of the last
		changes string
		shows   string
	}{
		{"a new node", twoNodes(), []record.Event{put(11, "c", 7, 1)}, Settled, "+c=1", "a=1 b=1 c=1"},
		{"a change", twoNodes(), []record.Event{put(11, "a", 5, 2)}, Settled, "~a=2", "a=2 b=1"},
		{"the same data", twoNodes(), []record.Event{put(11, "a", 7, 1)}, Settled, "", "a=1 b=1"},
		{"a deregistration", twoNodes(), []record.Event{del(11, "a", 5)}, Settled, "-a=1", "b=1"},
		{"an operator's removal", twoNodes(), []record.Event{del(11, "a", 7)}, Settled, "-a=1", "b=1"},
		{"a deregistration of an older lease", twoNodes(), []record.Event{del(11, "a", 4)}, Settled, "", "a=1(held) b=1"},
		{"a deregistration of a lease that was taken over", twoNodes(), []record.Event{put(11, "a", 7, 1), del(12, "a", 5)}, Settled, "", "a=1(held) b=1"},
		{"an end", twoNodes(), []record.Event{exp(11, "a")}, Settled, "!a=1", "b=1"},
		{"an end of an unknown node", twoNodes(), []record.Event{exp(11, "c")}, Settled, "", "a=1 b=1"},
		{"an override", twoNodes(), []record.Event{set(11, "a", weighs(3))}, Settled, "~a=3", "a=3 b=1"},
		{"an override undone", twoNodes(), []record.Event{set(11, "a", weighs(3)), set(12, "a", "")}, Settled, "~a=3 ~a=1", "a=1 b=1"},
		{"an override that was there", twoNodes(), []record.Event{set(11, "a", "")}, Settled, "", "a=1 b=1"},
		{
			"an override stays over a new record", twoNodes(),
			[]record.Event{set(11, "a", weighs(3)), put(12, "a", 5, 2)},
			Settled, "~a=3 ~a=3", "a=3 b=1",
		},
		{
			"an override waits for its node", twoNodes(),
			[]record.Event{set(11, "c", weighs(3)), put(12, "c", 7, 1)},
			Settled, "+c=3", "a=1 b=1 c=3",
		},
		{
			"an override that cannot be read", twoNodes(),
			[]record.Event{set(11, "c", "?"), put(12, "c", 7, 1)},
			Settled, "+c=1", "a=1 b=1 c=1",
		},
		{
			"a record that cannot be read", twoNodes(),
			[]record.Event{change(11, record.Put, "a", 5, "?")},
			Settled, "-a=1", "b=1",
		},
		{
			"a record that can be read again", twoNodes(),
			[]record.Event{change(11, record.Put, "a", 5, "?"), put(12, "a", 5, 2)},
			Settled, "-a=1 +a=2", "a=2 b=1",
		},
		{"known", twoNodes(), []record.Event{put(10, "b", 6, 1)}, Settled, "", "a=1 b=1"},
		{"twice", twoNodes(), []record.Event{del(11, "a", 5), del(11, "a", 5)}, Settled, "-a=1", "b=1"},
		{"odd", twoNodes(), []record.Event{del(12, "a", 5)}, Unexplained, "", "a=1 b=1"},
		{
			"odd until what came before it comes", twoNodes(),
			[]record.Event{put(13, "a", 5, 3), del(12, "b", 6), put(11, "a", 5, 2)},
			Settled, "~a=2 -b=1 ~a=3", "a=3",
		},
		{"of another branch", twoNodes(), []record.Event{fork}, Unexplained, "", "a=1 b=1"},
		{"of a new history", twoNodes(), []record.Event{first}, Unexplained, "", "a=1 b=1"},
		{"the first of a service", empty(), []record.Event{put(1, "c", 7, 1)}, Reread, "", ""},
		{"before the first snapshot", New(), []record.Event{put(11, "c", 7, 1)}, Settled, "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var v Outcome
			for _, e := range tc.events {
				v = tc.from.Event(e)
			}
			same(t, "outcome", v, tc.want)
			same(t, "changes", changesOf(tc.from), tc.changes)
			same(t, "shown", shows(tc.from), tc.shows)
		})
	}
}

// A change has the state that it belongs to and its time, and the record of its node.
func TestChange(t *testing.T) {
	r := twoNodes()
	e := put(11, "a", 5, 2)
	r.Event(e)
	c := r.Changes()[0]
	same(t, "point", c.Point, pointOf(11))
	same(t, "time", c.Time, e.Time)
	same(t, "revision of the node", c.Node.Rev, uint64(11))
	same(t, "weight", c.Node.Record.Weight, 2)
	same(t, "has moved", c.Before != nil, false)
}

// An update that moves a node to another version of the service has what the node was.
func TestMovedToAnotherVersion(t *testing.T) {
	r := twoNodes()
	r.Event(change(11, record.Put, "a", 5, `{"version":"2","address":"a:1","ttl":1000}`))
	c := r.Changes()[0]
	same(t, "version", c.Node.Record.Version, "2")
	if c.Before == nil {
		t.Fatal("the change does not have what the node was")
	}
	same(t, "version before", c.Before.Record.Version, "")
	same(t, "weight before", c.Before.Record.Weight, 1)
}

// More odd events than can be kept call for a snapshot.
func TestTooManyOdd(t *testing.T) {
	r := twoNodes()
	for rev := uint64(12); rev < 12+oddSize; rev++ {
		same(t, "outcome", r.Event(put(rev, "a", 5, 1)), Unexplained)
	}
	same(t, "outcome", r.Event(put(12+oddSize, "a", 5, 1)), Reread)
}

// Where an older replica of Redis was promoted, the same revisions come again.
// Callers do not see them go back.
func TestRevisionsNeverGoBack(t *testing.T) {
	r := twoNodes()
	r.Event(put(11, "a", 5, 2))
	r.Event(put(12, "a", 5, 3))
	take(r, snap(10, nil, member(9, "a", 5, 1), member(10, "b", 6, 1)))
	same(t, "after the fork", r.At(), Point{"e", 12, tagOf(10)})
	fork := put(11, "b", 6, 2)
	fork.Tag = tagOf(11, "x")
	r.Event(fork)
	for _, c := range r.Changes()[2:] {
		same(t, "revision", c.Point.Rev, uint64(12))
	}
	s := snap(1, nil, member(1, "a", 5, 1))
	s.Before.Epoch, s.After.Epoch = "f", "f"
	take(r, s)
	same(t, "in a new history", r.At().Rev, uint64(1))
}
