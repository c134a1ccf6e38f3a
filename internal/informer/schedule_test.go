package informer

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Whatever feeds do, the schedule gives those that are due and knows the first of
// the others, as a look at all of them would.
func TestSchedule(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		start := time.Unix(1000, 0)
		when := rapid.Custom(func(t *rapid.T) time.Time {
			if s := rapid.IntRange(0, 20).Draw(t, "second"); s > 0 {
				return start.Add(time.Duration(s) * time.Second)
			}
			return time.Time{}
		})
		var a schedule
		feeds := map[*Feed]bool{}
		one := func(t *rapid.T) *Feed {
			if len(feeds) == 0 {
				t.Skip("there is no feed")
			}
			return a[rapid.IntRange(0, len(a)-1).Draw(t, "feed")]
		}
		var removed *Feed
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				f := &Feed{}
				feeds[f] = true
				a.add(f, when.Draw(t, "at"))
			},
			"move": func(t *rapid.T) { a.move(one(t), when.Draw(t, "at")) },
			"remove": func(t *rapid.T) {
				removed = one(t)
				delete(feeds, removed)
				a.remove(removed)
			},
			"move one that was removed": func(t *rapid.T) {
				if removed == nil {
					t.Skip("none was")
				}
				a.move(removed, start)
			},
			"take": func(t *rapid.T) {
				by := when.Draw(t, "by")
				taken := map[*Feed]bool{}
				for _, f := range a.take(by) {
					taken[f] = true
				}
				for f := range feeds {
					if due := !f.due.IsZero() && !f.due.After(by); due != taken[f] {
						t.Fatalf("by %v a feed of %v was taken: %v", by, f.due, taken[f])
					}
				}
				for f := range taken {
					a.add(f, when.Draw(t, "next"))
				}
			},
			"": func(t *rapid.T) {
				var first time.Time
				for f := range feeds {
					if at := f.due; !at.IsZero() && (first.IsZero() || at.Before(first)) {
						first = at
					}
				}
				if got := a.first(); got != first || len(a) != len(feeds) {
					t.Fatalf("the first of %d is at %v, want %v of %d", len(a), got, first, len(feeds))
				}
			},
		})
	})
}
