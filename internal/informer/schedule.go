package informer

import (
	"container/heap"
	"time"
)

// A schedule is a heap of all feeds, ordered by when each has something to do. It finds
// the feeds that are due without looking at the others.
type schedule []*Feed

// add puts a feed into the schedule, for a time; zero is never.
func (s *schedule) add(f *Feed, at time.Time) {
	f.due = at
	heap.Push(s, f)
}

// move changes the time of a feed. A feed that was removed has none.
func (s *schedule) move(f *Feed, at time.Time) {
	if f.heapIndex != unscheduled {
		f.due = at
		heap.Fix(s, f.heapIndex)
	}
}

func (s *schedule) remove(f *Feed) { heap.Remove(s, f.heapIndex) }

// take removes and returns the feeds that are due by then; add puts them back.
func (s *schedule) take(by time.Time) (due []*Feed) {
	for at := s.first(); !at.IsZero() && !at.After(by); at = s.first() {
		due = append(due, heap.Pop(s).(*Feed))
	}
	return due
}

// first is when the first feed is due; zero is never.
func (s schedule) first() time.Time {
	if len(s) == 0 {
		return time.Time{}
	}
	return s[0].due
}

// unscheduled is the heapIndex of a feed that is in no schedule.
const unscheduled = -1

// The methods of heap.Interface.

func (s schedule) Len() int { return len(s) }

func (s schedule) Less(i, j int) bool {
	if s[i].due.IsZero() || s[j].due.IsZero() {
		return s[j].due.IsZero() && !s[i].due.IsZero()
	}
	return s[i].due.Before(s[j].due)
}

func (s schedule) Swap(i, j int) {
	s[i], s[j] = s[j], s[i]
	s[i].heapIndex, s[j].heapIndex = i, j
}

func (s *schedule) Push(f any) {
	f.(*Feed).heapIndex = len(*s)
	*s = append(*s, f.(*Feed))
}

func (s *schedule) Pop() any {
	last := len(*s) - 1
	f := (*s)[last]
	(*s)[last] = nil
	*s = (*s)[:last]
	f.heapIndex = unscheduled
	return f
}
