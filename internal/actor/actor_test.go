package actor

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Until ends by the first of time, signal and context, and a signal that came before it
// counts.
func TestWake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		w := NewWake()
		w.Until(t.Context(), start.Add(time.Second))
		if took := time.Since(start); took != time.Second {
			t.Errorf("by time: %v", took)
		}
		w.Signal()
		w.Signal()
		w.Until(t.Context(), start.Add(time.Hour))
		if took := time.Since(start); took != time.Second {
			t.Errorf("by a signal: %v", took)
		}
		time.AfterFunc(time.Second, w.Signal)
		w.Until(t.Context(), start.Add(time.Hour)) // the two signals were one
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("by the next signal: %v", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		w.Until(ctx, start.Add(time.Hour))
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("by the context: %v", took)
		}
	})
}

func TestQueue(t *testing.T) {
	q := NewQueue()
	if q.Drain() {
		t.Error("an empty queue made a call")
	}
	var made []int
	q.Add(func() {
		made = append(made, 1)
		q.Add(func() { made = append(made, 3) })
	})
	q.Add(func() { made = append(made, 2) })
	for q.Drain() {
		q.Until(t.Context(), time.Now()) // signalled, or not: it does not wait
	}
	if !slices.Equal(made, []int{1, 2, 3}) {
		t.Errorf("made %v", made)
	}
}

func TestGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g Group
		release := make(chan struct{})
		g.Go(func() { <-release })
		done := g.Enter()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := g.Wait(ctx, "a check")
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "a check has not returned") {
			t.Errorf("while it runs: %v", err)
		}
		close(release)
		done()
		if err := g.Wait(t.Context(), "a check"); err != nil {
			t.Errorf("once it ended: %v", err)
		}
		synctest.Wait()
		if err := g.Wait(ctx, "a check"); err != nil { // with a context that is over
			t.Errorf("once it ended, and ctx: %v", err)
		}
	})
}

// The longest wait and an attempt of a third of an interval take no longer than an
// interval.
func TestRetries(t *testing.T) {
	const interval = 5 * time.Second
	b := Retries(interval)
	var longest time.Duration
	for range 1000 {
		longest = max(longest, b.NextBackOff())
	}
	if longest <= interval/2 || longest > interval*2/3 {
		t.Errorf("the longest wait is %v", longest)
	}
	if b.Reset(); b.NextBackOff() > 300*time.Millisecond {
		t.Error("the first wait is long")
	}
}

func TestShortened(t *testing.T) {
	for range 1000 {
		if d := Shortened(time.Second); d < 900*time.Millisecond || d > time.Second {
			t.Fatal(d)
		}
	}
	a := time.Unix(1, 0)
	if b := a.Add(1); Earlier(a, b) != a || Earlier(b, a) != a {
		t.Error("Earlier")
	}
}
