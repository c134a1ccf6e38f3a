package replica

import (
	"fmt"
	"testing"

	"github.com/rollcall-go/rollcall/internal/record"
)

// BenchmarkEvent applies events to a service of 10,000 nodes.
func BenchmarkEvent(b *testing.B) {
	r := New()
	take(r, many(10_000))
	r.Changes()
	events := make([]record.Event, 1000)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%len(events) == 0 {
			b.StopTimer()
			at := r.at
			for j := range events {
				events[j] = put(at.Rev+1, fmt.Sprint(j), 2, i+j)
				events[j].Prev = at.Tag
				at = Point{"e", at.Rev + 1, events[j].Tag}
			}
			b.StartTimer()
		}
		if r.Event(events[i%len(events)]) != Settled {
			b.Fatal("the event does not chain")
		}
		r.Changes()
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkSnapshot takes a first snapshot of 10,000 nodes, and one that finds
// nothing new.
func BenchmarkSnapshot(b *testing.B) {
	s := many(10_000)
	b.Run("first", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			take(New(), s)
		}
	})
	b.Run("again", func(b *testing.B) {
		r := New()
		take(r, s)
		b.ReportAllocs()
		for b.Loop() {
			take(r, s)
		}
	})
}

// many is a snapshot of so many nodes.
func many(n int) Snapshot {
	s := snap(uint64(n), nil)
	for i := range n {
		id := fmt.Sprint(i)
		s.Members = append(s.Members, member(uint64(i+1), id, 1, 1))
	}
	return s
}
