package registry

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Whatever feeds do, the agenda gives those that are due and knows the first of
// the others, as a look at all of them would.
func TestAgenda(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		start := time.Unix(1000, 0)
		when := rapid.Custom(func(t *rapid.T) time.Time {
			if s := rapid.IntRange(0, 20).Draw(t, "second"); s > 0 {
				return start.Add(time.Duration(s) * time.Second)
			}
			return time.Time{}
		})
		var a agenda
		feeds := map[*feed]bool{}
		one := func(t *rapid.T) *feed {
			if len(feeds) == 0 {
				t.Skip("there is no feed")
			}
			return a[rapid.IntRange(0, len(a)-1).Draw(t, "feed")]
		}
		var removed *feed
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				f := &feed{pollAt: when.Draw(t, "poll")}
				feeds[f] = true
				a.add(f)
			},
			"plan": func(t *rapid.T) {
				f := one(t)
				f.pollAt, f.polling = when.Draw(t, "poll"), rapid.Bool().Draw(t, "polling")
				a.plan(f)
			},
			"remove": func(t *rapid.T) {
				removed = one(t)
				delete(feeds, removed)
				a.remove(removed)
			},
			"plan one that was removed": func(t *rapid.T) {
				if removed == nil {
					t.Skip("none was")
				}
				removed.pollAt = start
				a.plan(removed)
			},
			"take": func(t *rapid.T) {
				by := when.Draw(t, "by")
				taken := map[*feed]bool{}
				for _, f := range a.take(by) {
					taken[f] = true
				}
				for f := range feeds {
					if due := !f.next().IsZero() && !f.next().After(by); due != taken[f] {
						t.Fatalf("by %v a feed of %v was taken: %v", by, f.next(), taken[f])
					}
				}
				for f := range taken {
					f.pollAt = when.Draw(t, "next poll")
					a.add(f)
				}
			},
			"": func(t *rapid.T) {
				var first time.Time
				for f := range feeds {
					if at := f.next(); !at.IsZero() && (first.IsZero() || at.Before(first)) {
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
