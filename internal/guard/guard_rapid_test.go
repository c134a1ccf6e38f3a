package guard

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall-go/rollcall/registry"
)

// Whatever happens in whatever order, and however much of it between two steps.
func TestGuardRapidly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := newFleet(rapid.IntRange(0, 12).Draw(t, "nodes"))
		g := Guard{Share: rapid.SampledFrom([]float64{0, 0.01, 0.3, 0.5, 1}).Draw(t, "share")}
		g.Step(f.view(), f.calls, f.began)
		now := time.Duration(0)
		var ends []time.Duration  // when nodes were found to have run out
		over := map[string]bool{} // absent, and not kept at some step: for as long as that absence lasts
		lost := map[string]registry.Lapse{}
		two := false // live nodes have been seen since one deregistered
		var before map[string]bool
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			unseen := map[string]registry.Lapse{} // ran out, and is back since the last step
			for range rapid.IntRange(0, 6).Draw(t, "events") {
				id := string(rune('a' + rapid.IntRange(0, 12).Draw(t, "node")))
				switch what := rapid.IntRange(0, 7).Draw(t, "what"); {
				case what == 0:
					if l, ranOut := lost[id]; ranOut {
						unseen[id] = l
					}
					f.register(id)
					delete(over, id)
					delete(lost, id)
				case what == 1: // no view says that a node whose lease ended has deregistered
					two = two && !f.live[id]
					delete(f.live, id)
					if l := unseen[id]; l.Service != nil && f.began.Add(now+guardTTL/2).Sub(l.Time) >= guardTTL {
						lost[id] = l // looks the same as if the source had forgotten it
					}
				case what == 6:
					f.answered[id], f.failing[id] = f.began.Add(now), false
				case what == 7:
					f.failing[id] = true
				case what < 5 && f.live[id]:
					f.lapse(id, now)
					lost[id] = f.lapsed[id]
					ends = append(ends, now)
				case what == 5: // a source may forget a lapse after a TTL
					if l := f.lapsed[id]; f.began.Add(now).Sub(l.Time) > guardTTL {
						delete(f.lapsed, id)
					}
				}
			}
			f.stale = rapid.IntRange(0, 9).Draw(t, "stale") == 0
			now += time.Duration(rapid.Int64Range(0, int64(guardTTL/2)).Draw(t, "later"))

			v := f.view()
			plain := shownBy(Shown{Services: v.Services})
			got := g.Step(v, f.calls, f.began.Add(now))
			again := g.Step(v, f.calls, f.began.Add(now))
			if shownBy(got) != shownBy(again) {
				t.Fatalf("the same view again: %s, %s", shownBy(got), shownBy(again))
			}
			if after := shownBy(Shown{Services: v.Services}); after != plain {
				t.Fatalf("the view of the source has changed from %s to %s", plain, after)
			}
			kept := map[string]bool{}
			for _, id := range got.Kept {
				kept[id] = true
				l, ranOut := lost[id]
				found := l.Time.Sub(f.began)
				near := slices.DeleteFunc(slices.Clone(ends), func(e time.Duration) bool {
					return e > found || e <= found-guardTTL
				})
				tooMany := len(near) >= 3 && now < found+guardTTL
				answers := !f.failing[id] && f.began.Add(now).Before(f.answered[id].Add(guardTTL))
				last := !f.failing[id] && len(f.live) == 0
				switch {
				case g.Share == 0:
					t.Fatalf("%s is kept by no guard", id)
				case f.live[id] || !ranOut:
					t.Fatalf("%s is kept, and lives or deregistered", id)
				case over[id]:
					t.Fatalf("%s is kept again in one absence", id)
				case !f.stale && !tooMany && !answers && !last:
					t.Fatalf("%s is kept at %v, found at %v with %d losses in a TTL", id, now, found, len(near))
				}
			}
			stayed := slices.ContainsFunc(slices.Collect(maps.Keys(before)), func(id string) bool { return !f.failing[id] })
			if g.Share > 0 && two && stayed && len(f.live)+len(kept) == 0 {
				t.Fatalf("lapses alone have emptied the service of %v", before)
			}
			all := map[string]bool{}
			maps.Copy(all, f.live)
			maps.Copy(all, kept)
			if want := strings.Join(slices.Sorted(maps.Keys(all)), ""); shownBy(got) != want {
				t.Fatalf("shows %s, want %s: %v live, %v kept", shownBy(got), want, plain, got.Kept)
			}
			if wakes := !got.Next.IsZero(); wakes && (len(kept) == 0 || f.stale) || !wakes && len(kept) > 0 && !f.stale && len(f.live) > 0 {
				t.Fatalf("wakes: %v, with %d kept", wakes, len(kept))
			}
			before, two = all, two || len(f.live) >= 2
			for id := range lost {
				if !kept[id] {
					over[id] = true
				}
			}
		}
	})
}
