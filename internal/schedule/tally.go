package schedule

import "time"

// A Tally says how many things have each duration, so that the longest or the shortest is
// found without a look at all of them: few durations are in use at a time.
type Tally map[time.Duration]int

// Move counts a thing under another duration. Zero is none: before it comes, or once it
// has gone.
func (t Tally) Move(from, to time.Duration) {
	if t[from]--; t[from] <= 0 {
		delete(t, from)
	}
	if to > 0 {
		t[to]++
	}
}

// Longest returns zero where nothing is counted.
func (t Tally) Longest() (d time.Duration) {
	for each := range t {
		d = max(d, each)
	}
	return d
}

// Shortest is an hour at most.
func (t Tally) Shortest() time.Duration {
	d := time.Hour
	for each := range t {
		d = min(d, each)
	}
	return d
}
