package registry

import (
	"container/heap"
	"time"
)

// An agenda holds all feeds of a hub, that which has something to do first in
// front: what is due is found without a look at the others, however many.
type agenda []*feed

// add gives a new feed its place.
func (a *agenda) add(f *feed) {
	f.due = f.next()
	heap.Push(a, f)
}

// plan moves a feed to the place where what it has to do next puts it. One that
// was removed has none.
func (a *agenda) plan(f *feed) {
	if f.place != nowhere {
		f.due = f.next()
		heap.Fix(a, f.place)
	}
}

func (a *agenda) remove(f *feed) { heap.Remove(a, f.place) }

// take removes and returns the feeds that are due by then; add takes them back.
func (a *agenda) take(by time.Time) (due []*feed) {
	for at := a.first(); !at.IsZero() && !at.After(by); at = a.first() {
		due = append(due, heap.Pop(a).(*feed))
	}
	return due
}

// first is when the first feed has something to do; zero is never.
func (a agenda) first() time.Time {
	if len(a) == 0 {
		return time.Time{}
	}
	return a[0].due
}

// nowhere is the place of a feed that is in no agenda.
const nowhere = -1

// The methods of heap.Interface.

func (a agenda) Len() int { return len(a) }

func (a agenda) Less(i, j int) bool {
	if a[i].due.IsZero() || a[j].due.IsZero() {
		return a[j].due.IsZero() && !a[i].due.IsZero()
	}
	return a[i].due.Before(a[j].due)
}

func (a agenda) Swap(i, j int) {
	a[i], a[j] = a[j], a[i]
	a[i].place, a[j].place = i, j
}

func (a *agenda) Push(f any) {
	f.(*feed).place = len(*a)
	*a = append(*a, f.(*feed))
}

func (a *agenda) Pop() any {
	last := len(*a) - 1
	f := (*a)[last]
	(*a)[last] = nil
	*a = (*a)[:last]
	f.place = nowhere
	return f
}
