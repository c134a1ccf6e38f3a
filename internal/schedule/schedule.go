// Package schedule finds what is due among many things without looking at the others.
//
//	Schedule  what is due first
//	Tally     the longest and the shortest duration in use
package schedule

import (
	"container/heap"
	"time"
)

// A Schedule is a heap of items, ordered by when each is due. The zero value is ready. It
// has no lock: it belongs to one goroutine, or to its owner's mutex.
type Schedule[T item] struct{ heap items[T] }

// An item embeds a Place.
type item interface{ place() *Place }

// A Place is where an item is in its schedule. The zero value is in none. An item is in
// one schedule at a time.
type Place struct {
	due, from time.Time
	index     int // in the heap, from 1; 0 where it is in none
}

func (p *Place) place() *Place { return p }

// Due is when the item is due; zero where it is in no schedule.
func (p *Place) Due() time.Time { return p.due }

// Set puts an item into the schedule for a time, or moves it there. Zero takes it out.
func (s *Schedule[T]) Set(x T, at time.Time) { s.SetFrom(x, time.Time{}, at) }

// SetFrom does so for an item that TakeAhead leaves alone before a time.
func (s *Schedule[T]) SetFrom(x T, from, at time.Time) {
	p := x.place()
	if at.IsZero() {
		if p.index > 0 {
			heap.Remove(&s.heap, p.index-1)
		}
		return
	}
	p.from, p.due = from, at
	if p.index == 0 {
		heap.Push(&s.heap, x)
	} else {
		heap.Fix(&s.heap, p.index-1)
	}
}

// Take takes out the items that are due by then, at most so many, and returns them, the
// earliest first.
func (s *Schedule[T]) Take(by time.Time, most int) (due []T) {
	for len(due) < most && len(s.heap) > 0 && !s.First().After(by) {
		due = append(due, heap.Pop(&s.heap).(T))
	}
	return due
}

// TakeAhead takes items as Take does that are due up to a time ahead of now, without those that
// must not be taken yet.
func (s *Schedule[T]) TakeAhead(now time.Time, ahead time.Duration, most int) (due []T) {
	type left struct {
		x        T
		from, at time.Time
	}
	var early []left
	for by := now.Add(ahead); len(due) < most && len(s.heap) > 0 && !s.First().After(by); {
		p := *s.heap[0].place()
		if x := heap.Pop(&s.heap).(T); p.from.After(now) {
			early = append(early, left{x, p.from, p.due})
		} else {
			due = append(due, x)
		}
	}
	for _, l := range early {
		s.SetFrom(l.x, l.from, l.at)
	}
	return due
}

// First is when the first item is due; zero where there is none.
func (s *Schedule[T]) First() time.Time {
	if len(s.heap) == 0 {
		return time.Time{}
	}
	return s.heap[0].place().due
}

// items are the methods of heap.Interface.
type items[T item] []T

func (s items[T]) Len() int           { return len(s) }
func (s items[T]) Less(i, j int) bool { return s[i].place().due.Before(s[j].place().due) }

func (s items[T]) Swap(i, j int) {
	s[i], s[j] = s[j], s[i]
	s[i].place().index, s[j].place().index = i+1, j+1
}

func (s *items[T]) Push(x any) {
	*s = append(*s, x.(T))
	x.(T).place().index = len(*s)
}

func (s *items[T]) Pop() any {
	last := len(*s) - 1
	x := (*s)[last]
	clear((*s)[last:])
	*s = (*s)[:last]
	*x.place() = Place{}
	return x
}
