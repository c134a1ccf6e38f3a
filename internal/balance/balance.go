// Package balance picks one of the nodes of a service for a call. It knows no registry
// and no view: a Policy makes a Picker for a list of members, and the Picker returns the
// index of one of them.
package balance

import "time"

// A Policy says how to pick. It has no state: its Pickers have. Policies with equal
// parameters are equal.
type Policy interface {
	// String names the policy and its parameters.
	String() string

	// Picker makes what picks among members, of which there is at least one.
	Picker(members []Member) Picker

	// Slow says whether Picker takes long for many members: calls should not wait for it.
	Slow() bool

	// Tracks says what its picks depend on: only that is kept up to date.
	Tracks() Tracking
}

// A Picker picks among the members that it was made for. It is called from many
// goroutines, takes no lock and allocates nothing, and its cost does not grow with the
// members. key is the hash of the caller's key, 0 where there is none. After each pick of
// a Bounded policy, Done of the member's Load has to follow.
type Picker interface {
	Pick(key uint64) int
}

// A Member is a node that may be picked.
type Member struct {
	ID     *string // which only the policies that hash it read
	Weight float64 // its share of the calls, over 0
	Load   *Load
}

// Tracking says what is noted of a call.
type Tracking int8

// What is noted of a call.
const (
	Untracked Tracking = iota
	Timed              // it is counted and timed
	Bounded            // its pick has counted it already
)

// A Result says how a call ended.
type Result int8

// How a call ended.
const (
	OK      Result = iota
	Failed         // and the node may be the cause
	Unknown        // it says nothing of the node
)

var start = time.Now()

// Now returns a time that costs little to ask for. It begins at 0 with the process.
func Now() time.Duration { return time.Since(start) }

// At returns the time of day of a time that Now returned.
func At(now time.Duration) time.Time { return start.Add(now) }
