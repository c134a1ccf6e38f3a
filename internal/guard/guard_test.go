package guard

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestGuard(t *testing.T) {
	type step struct {
		at    time.Duration
		do    string // "+x" registers, "-x" deregisters, "!x" ran out, "=x" answered, "~x" fails, "?" the source is stale, "." it is not
		shown string
		kept  string
		next  time.Duration // of the next change; 0: none
		acts  bool
	}
	const s = time.Second
	for name, tc := range map[string]struct {
		share float64
		steps []step
	}{
		"deregistrations apply at once, also the last": {0.5, []step{
			{s, "-a-b-c-d", "efghij", "", 0, false},
			{s, "-e-f-g-h-i", "j", "", 0, false},
			{s, "-j", "", "", 0, false},
		}},
		"half may run out": {0.5, []step{
			{s, "!a!b", "cdefghij", "", 0, false},
			{2 * s, "!c!d!e", "fghij", "", 0, false},
			{3 * s, "!f", "fghij", "f", 13 * s, true},
			{4 * s, "!g!h", "fghij", "fgh", 13 * s, false},
			{13*s - 1, "", "fghij", "fgh", 13 * s, false},
			{13 * s, "", "ghij", "gh", 14 * s, false},
			{14 * s, "", "ij", "", 0, false},
			{14 * s, "", "ij", "", 0, false},
		}},
		"all at once": {0.5, []step{
			{s, "!a!b!c!d!e!f!g!h!i!j", "fghij", "fghij", 11 * s, true},
			{11 * s, "", "fghij", "fghij", 0, false}, // the last ones
			{time.Hour, "", "fghij", "fghij", 0, false},
			{time.Hour, "~f~g", "hij", "hij", 0, false},
			{time.Hour, "=f", "hij", "hij", 0, false}, // too late
			{time.Hour, "+a", "a", "", 0, false},
			{time.Hour, "!a", "a", "a", 0, true},
		}},
		"two may, of few": {0.5, []step{
			{s, "-a-b-c-d-e-f-g", "hij", "", 0, false},
			{s, "!h!i", "j", "", 0, false},
			{s, "!j", "j", "j", 11 * s, true},
		}},
		"a smaller share": {0.3, []step{
			{s, "!a!b!c", "defghij", "", 0, false},
			{s, "!d", "defghij", "d", 11 * s, true},
		}},
		"a tiny share is two": {0.001, []step{
			{s, "!a!b", "cdefghij", "", 0, false},
			{s, "!c", "cdefghij", "c", 11 * s, true},
		}},
		"all may, but the last": {1, []step{{s, "!a!b!c!d!e!f!g!h!i", "j", "", 0, false}, {s, "!j", "j", "j", 0, true}}},
		"the last, one after the other": {0.5, []step{
			{s, "-a-b-c-d-e-f-g-h", "ij", "", 0, false},
			{s, "!i", "j", "", 0, false},
			{20 * s, "!j", "j", "j", 0, true},
			{40 * s, "~j", "", "", 0, false},
			{41 * s, "=j", "", "", 0, false},
			{42 * s, "+i", "i", "", 0, false},
		}},
		"the last two at once, until one is back": {0.5, []step{
			{s, "-a-b-c-d-e-f-g-h", "ij", "", 0, false},
			{s, "!i!j", "ij", "ij", 0, true},
			{30 * s, "+i", "i", "", 0, false},
			{50 * s, "!i", "i", "i", 0, true},
		}},
		"the last, until one deregisters": {0.5, []step{
			{s, "-a-b-c-d-e-f-g", "hij", "", 0, false},
			{s, "!h!i", "j", "", 0, false},
			{30 * s, "-j", "", "", 0, false},
			{31 * s, "+j", "j", "", 0, false},
			{40 * s, "!j", "", "", 0, false}, // of a service of one
		}},
		"the only one": {0.5, []step{
			{s, "-a-b-c-d-e-f-g-h-i", "j", "", 0, false},
			{s, "!j", "", "", 0, false},
		}},
		"a node that answers stays, for as long as it does": {0.5, []step{
			{s, "=a=b", "abcdefghij", "", 0, false},
			{10 * s, "!a!b!c", "abdefghij", "ab", 11 * s, true},
			{10 * s, "=a", "abdefghij", "ab", 11 * s, false},
			{11 * s, "", "adefghij", "a", 20 * s, false},
			{19 * s, "=a=b", "adefghij", "a", 29 * s, false},
			{28 * s, "=a", "adefghij", "a", 38 * s, false}, // the source has forgotten
			{37 * s, "~a", "defghij", "", 0, false},
			{37 * s, "=a", "defghij", "", 0, false},
		}},
		"a node that answers stays until it is back": {0.5, []step{
			{s, "=a!a", "abcdefghij", "a", 11 * s, true},
			{5 * s, "=a", "abcdefghij", "a", 15 * s, false},
			{12 * s, "+a", "abcdefghij", "", 0, false},
			{13 * s, "-a", "bcdefghij", "", 0, false},
		}},
		"a node that answers, with the source away": {0.5, []step{
			{s, "=a!a", "abcdefghij", "a", 11 * s, true},
			{5 * s, "?", "abcdefghij", "a", 0, false},
			{time.Hour, "~a", "abcdefghij", "a", 0, false},
			{time.Hour, ".", "bcdefghij", "", 0, false},
		}},
		"off, also if nodes answer": {0, []step{{s, "=a=b!a!b!c!d!e!f!g!h!i!j", "", "", 0, false}}},
		"off":                       {0, []step{{s, "!a!b!c!d!e!f!g!h!i!j", "", "", 0, false}}},
		"a window ends": {0.5, []step{
			{s, "!a!b!c!d!e", "fghij", "", 0, false},
			{11*s - 1, "!f", "fghij", "f", 21*s - 1, true},
			{11 * s, "!g!h", "fij", "f", 21*s - 1, false}, // of four that are listed
			{11 * s, "!i", "fij", "fi", 21*s - 1, false},
			{21 * s, "", "j", "", 0, false},
		}},
		"it counts those that were listed when it opened": {0.5, []step{
			{s, "!a+k+l", "bcdefghijkl", "", 0, false},
			{2 * s, "!b!c!d!k!l", "efghij", "", 0, false},
			{3 * s, "-e!f!g", "ghij", "g", 13 * s, true},
		}},
		"back, and out again": {0.5, []step{
			{s, "!a!b!c!d!e!f!g", "fghij", "fg", 11 * s, true},
			{2 * s, "+f+a", "afghij", "g", 11 * s, false},
			{3 * s, "!f", "afghij", "fg", 11 * s, false},
			{11 * s, "", "afhij", "f", 13 * s, false},
			{13 * s, "", "ahij", "", 0, false},
		}},
		"back and deregistered, between two views or in one": {0.5, []step{
			{s, "!a!b!c!d!e!f!g", "fghij", "fg", 11 * s, true},
			{2 * s, "+f-f", "ghij", "g", 11 * s, false},
			{3 * s, "+g", "ghij", "", 0, false},
			{4 * s, "-g", "hij", "", 0, false},
		}},
		"back and out, between two views": {0.5, []step{
			{s, "!a!b!c!d!e!f!g", "fghij", "fg", 11 * s, true},
			{9 * s, "+f!f", "ghij", "g", 11 * s, false},
		}},
		"no node leaves a stale view": {0.5, []step{
			{s, "!a!b!c!d!e!f!g", "fghij", "fg", 11 * s, true},
			{2 * s, "?", "fghij", "fg", 0, false},
			{time.Hour, "", "fghij", "fg", 0, false},
			{time.Hour, ".", "hij", "", 0, false},
			{time.Hour, "?", "hij", "", 0, false}, // nor takes them back
		}},
		"each in its version": {0.5, []step{
			{s, "-c-d-e-f-g-h-i-j+A+B+C", "ab2A2B2C", "", 0, false},
			{s, "!A!C", "ab2B", "", 0, false},
			{2 * s, "!B", "ab2B", "B", 12 * s, true},
			{3 * s, "!b+A", "ab2A2B", "Bb", 12 * s, false},
			{4 * s, "!a", "ab2A2B", "Bab", 12 * s, false},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFleet(10)
			g := Guard{Share: tc.share}
			g.Step(f.view(), f.calls, f.began)
			acting := false
			for i, want := range tc.steps {
				for do := want.do; do != ""; do = do[1:] {
					switch id := do[min(1, len(do)-1):][:1]; do[0] {
					case '+':
						f.register(id)
					case '-':
						delete(f.live, id)
					case '!':
						f.lapse(id, want.at)
					case '=':
						f.answered[id], f.failing[id] = f.began.Add(want.at), false
					case '~':
						f.failing[id] = true
					case '?', '.':
						f.stale = do[0] == '?'
						continue
					}
					do = do[1:]
				}
				f.forget(f.began.Add(want.at))
				v := f.view()
				plain := shownBy(Shown{Services: v.Services})
				got := g.Step(v, f.calls, f.began.Add(want.at))
				next := time.Duration(0)
				if !got.Next.IsZero() {
					next = got.Next.Sub(f.began)
				}
				have := step{want.at, want.do, shownBy(got), strings.Join(got.Kept, ""), next, len(got.Kept) > 0 && !acting}
				acting = len(got.Kept) > 0
				if diff := cmp.Diff(fmt.Sprintf("%+v", want), fmt.Sprintf("%+v", have)); diff != "" {
					t.Fatalf("step %d (-want +got):\n%s", i, diff)
				}
				if after := shownBy(Shown{Services: v.Services}); after != plain {
					t.Fatalf("step %d: the view of the source has changed: %s", i, after)
				}
			}
		})
	}
}

// A guard that comes late treats a loss as one that was there.
func TestGuardComesLate(t *testing.T) {
	f := newFleet(10)
	for _, id := range "abcdefg" {
		f.lapse(string(id), time.Second)
	}
	g := Guard{Share: 0.5}
	got := g.Step(f.view(), f.calls, f.began.Add(5*time.Second))
	if shown := shownBy(got); shown != "fghij" || strings.Join(got.Kept, "") != "fg" {
		t.Errorf("%s, kept %v", shown, got.Kept)
	}
}

// Losses that come to light together are counted in the windows of their times.
func TestGuardSleeps(t *testing.T) {
	f := newFleet(10)
	g := Guard{Share: 0.5}
	g.Step(f.view(), f.calls, f.began)
	for _, id := range "abcde" {
		f.lapse(string(id), time.Second)
	}
	for _, id := range "fgh" { // of five that were listed
		f.lapse(string(id), 20*time.Second)
	}
	got := g.Step(f.view(), f.calls, f.began.Add(20*time.Second))
	if shown := shownBy(got); shown != "hij" || strings.Join(got.Kept, "") != "h" {
		t.Errorf("%s, kept %v", shown, got.Kept)
	}
}
