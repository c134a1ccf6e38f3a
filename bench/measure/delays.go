package measure

import (
	"slices"
	"testing"
	"time"
)

// A Subscriber calls next for each event that is wanted, beside the write that makes it: an
// event may come before the reply.
type Subscriber struct {
	wanted   chan struct{}
	received chan event
}

type event struct {
	at  time.Time
	err error
}

// Subscribe starts the goroutine that calls next, until the end of the benchmark.
func Subscribe(b *testing.B, next func() error) *Subscriber {
	s := &Subscriber{make(chan struct{}), make(chan event, 1)}
	go func() {
		for range s.wanted {
			err := next()
			s.received <- event{time.Now(), err}
		}
	}()
	b.Cleanup(func() { close(s.wanted) })
	return s
}

// Delay is the time from the start of put until its event has arrived.
func (s *Subscriber) Delay(b *testing.B, put func()) time.Duration {
	s.wanted <- struct{}{}
	start := time.Now()
	put()
	e := <-s.received
	if e.err != nil {
		b.Fatal(e.err)
	}
	return e.at.Sub(start)
}

// Delays reports the median and the 99th percentile (p50-us, p99-us) of the time from a put
// until next has received it. undo, if there is one, follows each put and is not measured;
// its event is received, too.
func Delays(b *testing.B, put, undo func(i int), next func() error) {
	s := Subscribe(b, next)
	var all []time.Duration
	for i := 0; b.Loop(); i++ {
		all = append(all, s.Delay(b, func() { put(i) }))
		if undo != nil {
			s.Delay(b, func() { undo(i) })
		}
	}
	Percentiles(b, all)
}

// Percentiles reports p50-us and p99-us, in the place of ns/op, which holds the waits of the
// benchmark too.
func Percentiles(b *testing.B, all []time.Duration) {
	b.ReportMetric(0, "ns/op") // is not shown
	if len(all) == 0 {
		b.Fatal("nothing was measured")
	}
	b.ReportMetric(Percentile(all, 50), "p50-us")
	b.ReportMetric(Percentile(all, 99), "p99-us")
}

// Percentile returns the p-th of the sorted times, in microseconds. It sorts them.
func Percentile(all []time.Duration, p int) float64 {
	slices.Sort(all)
	return float64(all[min(len(all)-1, len(all)*p/100)]) / 1e3
}
