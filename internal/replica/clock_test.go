package replica

import (
	"testing"
	"time"
)

// A clockAnswer is one reply of Redis as a ServerClock takes it, in seconds: sent and
// received by our clock from the start of the test, now by Redis's, which reads
// skew at the start.
type clockAnswer struct {
	sent, received, now float64
	master              string
	breaks              bool // contact starts anew with it
	failed              bool // a call before it failed
}

const (
	gap  = 5 * time.Second
	skew = 1000
)

func TestServerClock(t *testing.T) {
	for _, c := range []struct {
		name    string
		answers []clockAnswer
	}{
		{"the first answer", []clockAnswer{{0, 0.1, skew, "m", true, false}}},
		{"steady", []clockAnswer{
			{0, 0.1, skew, "m", true, false}, {3, 3.1, skew + 3, "m", false, false}, {8.1, 8.1, skew + 8.1, "m", false, false},
		}},
		{"silence over the gap", []clockAnswer{
			{0, 0, skew, "m", true, false}, {5.1, 5.1, skew + 5.1, "m", true, false}, {6, 6, skew + 6, "m", false, false},
		}},
		{"an answer that took longer than the gap", []clockAnswer{
			{0, 0, skew, "m", true, false}, {1, 7, skew + 1, "m", true, false},
		}},
		{"another master", []clockAnswer{
			{0, 0, skew, "m", true, false}, {1, 1, skew + 1, "n", true, false}, {2, 2, skew + 2, "n", false, false}, {3, 3, skew + 3, "m", true, false},
		}},
		{"a master without a name gets one", []clockAnswer{
			{0, 0, skew, "", true, false}, {1, 1, skew + 1, "m", true, false},
		}},
		{"Redis's clock steps forward", []clockAnswer{
			{0, 0, skew, "m", true, false}, {1, 1, skew + 2.5, "m", true, false}, {2, 2, skew + 3.5, "m", false, false},
		}},
		{"Redis's clock steps back", []clockAnswer{
			{0, 0, skew, "m", true, false}, {1, 1, skew - 0.5, "m", true, false}, {2, 2, skew + 0.5, "m", false, false},
		}},
		{"a small step is drift", []clockAnswer{
			{0, 0, skew, "m", true, false}, {1, 1, skew + 1.9, "m", false, false}, {2, 2, skew + 2, "m", false, false},
		}},
		{"slow answers are no step", []clockAnswer{
			// TIME was read at any moment between sent and received.
			{0, 0, skew, "m", true, false}, {1, 4, skew + 1, "m", false, false}, {5, 8, skew + 8, "m", false, false}, {9, 12, skew + 9, "m", false, false},
		}},
		{"a call failed", []clockAnswer{
			{0, 0, skew, "m", true, false}, {1, 1, skew + 1, "m", true, true}, {2, 2, skew + 2, "m", false, false},
		}},
		{"a slow answer does not hide a step", []clockAnswer{
			{0, 0, skew, "m", true, false}, {1, 3, skew + 5, "m", true, false},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			start, redis := time.Now(), time.Unix(1_700_000_000, 0)
			at := func(base time.Time, s float64) time.Time { return base.Add(time.Duration(s * float64(time.Second))) }
			var clock ServerClock
			if clock.Known() {
				t.Error("known before it answered")
			}
			var since time.Time
			for i, a := range c.answers {
				received := at(start, a.received)
				if a.failed {
					clock.Failed()
				}
				clock.Answered(Answer{at(start, a.sent), received, at(redis, a.now), a.master}, gap)
				if a.breaks {
					since = received
				}
				if !clock.since.Equal(since) {
					t.Errorf("answer %d: contact since %v, want %v", i, clock.since.Sub(start), since.Sub(start))
				}
				if !clock.Known() || !clock.last.Equal(received) || clock.master != a.master {
					t.Errorf("answer %d: noted %+v", i, clock)
				}
				// By now Redis's clock shows what it said, and at most the time that
				// the answer took on top.
				shows := clock.At(received)
				if shows.Before(at(redis, a.now)) || shows.After(at(redis, a.now+a.received-a.sent)) {
					t.Errorf("answer %d: Redis's clock is taken for %v, and said %v", i, shows, at(redis, a.now))
				}
			}
			if proven, want := clock.ProvenFrom(10*time.Second), since.Add(6*time.Second); !proven.Equal(want) {
				t.Errorf("proven from %v, want %v", proven.Sub(start), want.Sub(start))
			}
			later := at(start, 60)
			if back := clock.Local(clock.At(later)); !back.Equal(later) {
				t.Errorf("there and back: %v became %v", later, back)
			}
		})
	}
}

// A slow answer narrows what is known of Redis's clock, and never widens it.
func TestServerClockKeepsTheBetterKnowledge(t *testing.T) {
	start, redis := time.Now(), time.Unix(1_700_000_000, 0)
	var c ServerClock
	c.Answered(Answer{start, start, redis, "m"}, gap) // exact
	received := start.Add(3 * time.Second)
	c.Answered(Answer{start.Add(time.Second), received, redis.Add(time.Second), "m"}, gap) // anything from 1 to 3
	if got, want := c.At(received), redis.Add(3*time.Second); !got.Equal(want) {
		t.Errorf("Redis's clock is taken for %v, but is %v", got, want)
	}
}

// Our wall clock may step: what is kept must carry the monotonic one, by which Go
// then reckons.
func TestServerClockKeepsMonotonicTime(t *testing.T) {
	var c ServerClock
	c.Answered(Answer{time.Now(), time.Now(), time.Unix(1_700_000_000, 0), "m"}, gap)
	for name, kept := range map[string]time.Time{"last": c.last, "since": c.since} {
		if kept == kept.Round(0) { // which strips it
			t.Errorf("%s has no monotonic reading", name)
		}
	}
}
