package replica

import (
	"testing"
	"time"

	"github.com/rollcall-go/rollcall/internal/record"
)

func TestProbe(t *testing.T) {
	for _, tc := range []struct {
		name    string
		from    *Replica
		before  []record.Event // come before it is asked,
		while   []record.Event // and before the answer
		answers []Point        // to questions asked at one time
		want    []Outcome
	}{
		{"nothing has changed", twoNodes(), nil, nil, []Point{pointOf(10)}, []Outcome{Settled}},
		{"it has gone on since", twoNodes(), nil, []record.Event{put(11, "a", 5, 2)}, []Point{pointOf(10)}, []Outcome{Settled}},
		{"it was brought meanwhile", twoNodes(), nil, []record.Event{put(11, "a", 5, 2)}, []Point{pointOf(11)}, []Outcome{Settled}},
		{"Redis has gone back", twoNodes(), []record.Event{put(11, "a", 5, 2)}, nil, []Point{pointOf(10)}, []Outcome{Missed}},
		{"unknown once", twoNodes(), nil, nil, []Point{pointOf(11)}, []Outcome{Unexplained}},
		{"unknown twice", twoNodes(), nil, nil, []Point{pointOf(11), pointOf(11)}, []Outcome{Unexplained, Missed}},
		{"unknown, and further on", twoNodes(), nil, nil, []Point{pointOf(11), pointOf(13)}, []Outcome{Unexplained, Missed}},
		{"unexplained, then settled", twoNodes(), []record.Event{put(13, "a", 5, 2)}, nil, []Point{pointOf(10), pointOf(10)}, []Outcome{Settled, Settled}},
		{"unexplained by later events", twoNodes(), nil, []record.Event{put(13, "a", 5, 2)}, []Point{pointOf(10)}, []Outcome{Unexplained}},
		{"the version is gone", twoNodes(), nil, nil, []Point{{}, {}}, []Outcome{Reread, Reread}},
		{"still no version", empty(), nil, nil, []Point{{}}, []Outcome{Settled}},
		{"the first version", empty(), nil, nil, []Point{pointOf(1)}, []Outcome{Reread}},
		{"before the first snapshot", New(), nil, nil, []Point{{}}, []Outcome{Reread}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := tc.from
			for _, e := range tc.before {
				r.Event(e)
			}
			mark, arrivals := r.Mark(), r.Arrivals()
			for _, e := range tc.while {
				r.Event(e)
			}
			r.Changes()
			for i, p := range tc.answers {
				same(t, "outcome", r.Probe(p, mark, arrivals), tc.want[i])
			}
			same(t, "changes", changesOf(r), "")
		})
	}
}

// A version that was unknown is forgotten once events bring it.
func TestUnknownIsBrought(t *testing.T) {
	r := twoNodes()
	same(t, "unknown", r.Probe(pointOf(11), r.Mark(), r.Arrivals()), Unexplained)
	same(t, "brought", r.Event(put(11, "a", 5, 2)), Settled)
	same(t, "the next unknown", r.Probe(pointOf(12), r.Mark(), r.Arrivals()), Unexplained)
}

func TestPoll(t *testing.T) {
	unreadable := twoNodes()
	unreadable.Event(change(11, record.Put, "c", 7, "?"))
	goesOn := twoNodes()
	goesOn.Event(put(11, "c", 7, 1))
	lost := twoNodes()
	take(lost, Snapshot{Members: []Member{member(9, "a", 5, 1)}})
	for _, tc := range []struct {
		name    string
		from    *Replica
		point   Point
		members int
		mark    uint64
		want    Outcome
	}{
		{"as it was", twoNodes(), pointOf(10), 2, 1, Settled},
		{"fewer members", twoNodes(), pointOf(10), 1, 1, Reread},
		{"more members", twoNodes(), pointOf(10), 3, 1, Reread},
		{"some cannot be read", unreadable, pointOf(11), 3, 1, Settled},
		{"as it was, and events go on", goesOn, pointOf(10), 2, 1, Settled},
		{"fewer members, and events go on", goesOn, pointOf(10), 1, 1, Reread},
		{"another version", twoNodes(), pointOf(11), 1, 1, Unexplained},
		{"no version, and members", lost, Point{}, 1, 2, Reread},
		{"no version, and none", empty(), Point{}, 0, 1, Settled},
	} {
		t.Run(tc.name, func(t *testing.T) {
			same(t, "outcome", tc.from.Poll(tc.point, tc.members, tc.mark, 0), tc.want)
		})
	}
}

func TestMissing(t *testing.T) {
	for _, tc := range []struct {
		name    string
		before  []record.Event // come before it is asked,
		while   []record.Event // before the answer,
		after   []record.Event // and after it
		changes string
		shows   string
		members int // of the index, then
	}{
		{"nothing newer", nil, nil, nil, "!a=1", "b=1", 2},
		{"registered before it was asked", []record.Event{put(11, "a", 5, 2)}, nil, nil, "!a=2", "b=1", 2},
		{"registered since", nil, []record.Event{put(11, "a", 5, 1)}, nil, "", "a=1 b=1", 2},
		{"gone already", nil, []record.Event{exp(11, "a")}, nil, "!a=1", "b=1", 1},
		{"reaped later", nil, nil, []record.Event{exp(11, "a")}, "!a=1", "b=1", 1},
		{"another changes later", nil, nil, []record.Event{put(11, "b", 6, 2)}, "!a=1 ~b=2", "b=2", 2},
		{"registered later", nil, nil, []record.Event{put(11, "a", 5, 1)}, "!a=1 +a=1", "a=1 b=1", 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := twoNodes()
			rev := uint64(10)
			give := func(events []record.Event) {
				for _, e := range events {
					same(t, "outcome", r.Event(e), Settled)
					rev = e.Rev
				}
			}
			give(tc.before)
			r.Changes()
			mark := r.Mark()
			give(tc.while)
			r.Missing([]string{"a", "x"}, mark, time.Unix(1, 0))
			give(tc.after)
			same(t, "changes", changesOf(r), tc.changes)
			same(t, "shown", shows(r), tc.shows)
			same(t, "poll", r.Poll(pointOf(rev), tc.members, r.Mark(), r.Arrivals()), Settled)
		})
	}
}

// A snapshot is no newer than its pages: it neither brings back what was found
// missing since it began, nor makes a node look alive that was asked for before.
func TestMissingAndSnapshot(t *testing.T) {
	for _, tc := range []struct {
		name  string
		found Member
		want  string
	}{
		{"read before the lease ended", member(9, "a", 5, 1), "b=1"},
		{"registered again", member(11, "a", 5, 1), "a=1 b=1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := snap(11, nil, tc.found, member(10, "b", 6, 1))
			r := twoNodes()
			mark := r.Mark()
			r.Begin()
			r.Missing([]string{"a"}, mark, time.Unix(1, 0))
			same(t, "outcome", r.Snapshot(s), Settled)
			same(t, "shown, missing first", shows(r), tc.want)

			r = twoNodes()
			take(r, s)
			r.Missing([]string{"a"}, mark, time.Unix(1, 0))
			same(t, "shown, the snapshot first", shows(r), tc.want)
		})
	}
}
