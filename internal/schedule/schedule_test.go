package schedule

import (
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type job struct{ Place }

// Whatever is set and taken, the schedule gives what is due and knows the first of the
// others, as a look at all of them would.
func TestSchedule(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		start := time.Unix(1000, 0)
		when := rapid.Custom(func(t *rapid.T) time.Time {
			if s := rapid.IntRange(0, 20).Draw(t, "second"); s > 0 {
				return start.Add(time.Duration(s) * time.Second)
			}
			return time.Time{}
		})
		var s Schedule[*job]
		jobs := make([]*job, 10)
		for i := range jobs {
			jobs[i] = &job{}
		}
		due := map[*job]time.Time{} // what is scheduled
		t.Repeat(map[string]func(*rapid.T){
			"set": func(t *rapid.T) {
				j, at := rapid.SampledFrom(jobs).Draw(t, "job"), when.Draw(t, "at")
				s.Set(j, at)
				if due[j] = at; at.IsZero() {
					delete(due, j)
				}
			},
			"take": func(t *rapid.T) {
				by := when.Draw(t, "by")
				var last time.Time
				most := rapid.IntRange(0, len(jobs)).Draw(t, "most")
				taken := s.Take(by, most)
				for _, j := range taken {
					if due[j].Before(last) {
						t.Fatalf("%v was taken after %v", due[j], last)
					}
					last = due[j]
				}
				for _, j := range taken {
					if due[j].After(by) {
						t.Fatalf("by %v a job of %v was taken", by, due[j])
					}
					delete(due, j)
				}
				for _, at := range due {
					if len(taken) < most && !at.After(by) || at.Before(last) {
						t.Fatalf("by %v a job of %v was left, and %d of %d taken, until %v", by, at, len(taken), most, last)
					}
				}
			},
			"": func(t *rapid.T) {
				var first time.Time
				for _, at := range due {
					if first.IsZero() || at.Before(first) {
						first = at
					}
				}
				if got := s.First(); got != first {
					t.Fatalf("the first is at %v, want %v", got, first)
				}
				for _, j := range jobs {
					if j.Due() != due[j] {
						t.Fatalf("a job is due at %v, want %v", j.Due(), due[j])
					}
				}
			},
		})
	})
}

// What must not be taken yet stays where it is, and keeps nothing else from being taken ahead.
func TestTakeAhead(t *testing.T) {
	var s Schedule[*job]
	now := time.Unix(1000, 0)
	in := func(n int) time.Time { return now.Add(time.Duration(n) * time.Second) }
	early, due, late := &job{}, &job{}, &job{}
	s.SetFrom(early, in(1), in(2))
	s.Set(due, in(3))
	s.Set(late, in(6))
	for _, step := range []struct {
		now  int
		want *job
		next time.Time
	}{{0, due, in(2)}, {0, nil, in(2)}, {1, early, in(6)}, {1, late, time.Time{}}} {
		var got *job
		if taken := s.TakeAhead(in(step.now), 5*time.Second, 1); len(taken) > 0 {
			got = taken[0]
		}
		if got != step.want || !s.First().Equal(step.next) {
			t.Errorf("at %d: %p was taken and %v is next, want %p and %v", step.now, got, s.First(), step.want, step.next)
		}
	}
}

// The longest and the shortest duration are those of what is left.
func TestTally(t *testing.T) {
	tally := Tally{}
	for _, step := range []struct{ from, to, longest, shortest time.Duration }{
		{0, 5, 5, 5},
		{0, 7, 7, 5},
		{0, 7, 7, 5},
		{7, 7, 7, 5},
		{7, 3, 7, 3},
		{7, 0, 5, 3},
		{3, 5, 5, 5},
		{5, 0, 5, 5},
		{5, 0, 0, time.Hour},
	} {
		tally.Move(step.from, step.to)
		if l, s := tally.Longest(), tally.Shortest(); l != step.longest || s != step.shortest {
			t.Errorf("from %d to %d: %d and %d, want %d and %d", step.from, step.to, l, s, step.longest, step.shortest)
		}
	}
}
