package registry

import (
	"testing"
	"time"
)

// An answer is one reply of Redis as contact hears of it, in seconds: sent and
// received by our clock from the start of the test, now by Redis's, which reads
// skew at the start.
type answer struct {
	sent, received, now float64
	master              string
	breaks              bool // contact starts anew with it
	failed              bool // a call before it failed
}

const (
	gap  = 5 * time.Second
	skew = 1000
)

func TestContact(t *testing.T) {
	for _, c := range []struct {
		name    string
		answers []answer
	}{
		{"the first answer", []answer{{0, 0.1, skew, "m", true, false}}},
		{"steady", []answer{
			{0, 0.1, skew, "m", true, false}, {3, 3.1, skew + 3, "m", false, false}, {8.1, 8.1, skew + 8.1, "m", false, false},
		}},
		{"silence over the gap", []answer{
			{0, 0, skew, "m", true, false}, {5.1, 5.1, skew + 5.1, "m", true, false}, {6, 6, skew + 6, "m", false, false},
		}},
		{"an answer that took longer than the gap", []answer{
			{0, 0, skew, "m", true, false}, {1, 7, skew + 1, "m", true, false},
		}},
		{"another master", []answer{
			{0, 0, skew, "m", true, false}, {1, 1, skew + 1, "n", true, false}, {2, 2, skew + 2, "n", false, false}, {3, 3, skew + 3, "m", true, false},
		}},
		{"a master without a name gets one", []answer{
			{0, 0, skew, "", true, false}, {1, 1, skew + 1, "m", true, false},
		}},
		{"Redis's clock steps forward", []answer{
			{0, 0, skew, "m", true, false}, {1, 1, skew + 2.5, "m", true, false}, {2, 2, skew + 3.5, "m", false, false},
		}},
		{"Redis's clock steps back", []answer{
			{0, 0, skew, "m", true, false}, {1, 1, skew - 0.5, "m", true, false}, {2, 2, skew + 0.5, "m", false, false},
		}},
		{"a small step is drift", []answer{
			{0, 0, skew, "m", true, false}, {1, 1, skew + 1.9, "m", false, false}, {2, 2, skew + 2, "m", false, false},
		}},
		{"slow answers are no step", []answer{
			// TIME was read at any moment between sent and received.
			{0, 0, skew, "m", true, false}, {1, 4, skew + 1, "m", false, false}, {5, 8, skew + 8, "m", false, false}, {9, 12, skew + 9, "m", false, false},
		}},
		{"a call failed", []answer{
			{0, 0, skew, "m", true, false}, {1, 1, skew + 1, "m", true, true}, {2, 2, skew + 2, "m", false, false},
		}},
		{"a slow answer does not hide a step", []answer{
			{0, 0, skew, "m", true, false}, {1, 3, skew + 5, "m", true, false},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			start, redis := time.Now(), time.Unix(1_700_000_000, 0)
			at := func(base time.Time, s float64) time.Time { return base.Add(time.Duration(s * float64(time.Second))) }
			var contact contact
			if contact.known() {
				t.Error("known before it answered")
			}
			var since time.Time
			for i, a := range c.answers {
				received := at(start, a.received)
				if a.failed {
					contact.lost()
				}
				contact.heard(at(start, a.sent), received, at(redis, a.now), a.master, gap)
				if a.breaks {
					since = received
				}
				if !contact.since.Equal(since) {
					t.Errorf("answer %d: contact since %v, want %v", i, contact.since.Sub(start), since.Sub(start))
				}
				if !contact.known() || !contact.last.Equal(received) || contact.master != a.master {
					t.Errorf("answer %d: noted %+v", i, contact)
				}
				// By now Redis's clock shows what it said, and at most the time that
				// the answer took on top.
				shows := contact.at(received)
				if shows.Before(at(redis, a.now)) || shows.After(at(redis, a.now+a.received-a.sent)) {
					t.Errorf("answer %d: Redis's clock is taken for %v, and said %v", i, shows, at(redis, a.now))
				}
			}
			if proven, want := contact.provenFrom(10*time.Second), since.Add(6*time.Second); !proven.Equal(want) {
				t.Errorf("proven from %v, want %v", proven.Sub(start), want.Sub(start))
			}
			later := at(start, 60)
			if back := contact.local(contact.at(later)); !back.Equal(later) {
				t.Errorf("there and back: %v became %v", later, back)
			}
		})
	}
}

// A slow answer narrows what is known of Redis's clock, and never widens it.
func TestContactKeepsTheBetterKnowledge(t *testing.T) {
	start, redis := time.Now(), time.Unix(1_700_000_000, 0)
	var c contact
	c.heard(start, start, redis, "m", gap) // exact
	received := start.Add(3 * time.Second)
	c.heard(start.Add(time.Second), received, redis.Add(time.Second), "m", gap) // anything from 1 to 3
	if got, want := c.at(received), redis.Add(3*time.Second); !got.Equal(want) {
		t.Errorf("Redis's clock is taken for %v, but is %v", got, want)
	}
}

// Our wall clock may step: what is kept must carry the monotonic one, by which Go
// then reckons.
func TestContactKeepsMonotonicTime(t *testing.T) {
	var c contact
	c.heard(time.Now(), time.Now(), time.Unix(1_700_000_000, 0), "m", gap)
	for name, kept := range map[string]time.Time{"last": c.last, "since": c.since} {
		if kept == kept.Round(0) { // which strips it
			t.Errorf("%s has no monotonic reading", name)
		}
	}
}
