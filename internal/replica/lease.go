package replica

import (
	"time"

	"github.com/rollcall-go/rollcall/internal/record"
)

// GuessWithin is how old the newest answer of Redis may be from which the start of a lease is
// guessed.
const GuessWithin = time.Minute

// maxAhead is by how much a lease may start after a Register began, and still be taken for
// an older one: the clocks of two processes are estimates.
const maxAhead = time.Second

// StartAfter returns when a lease has to start that is to be newer than these, and not before now.
func StartAfter(now time.Time, older ...record.Lease) (start int64) {
	start = now.UnixMicro()
	for _, l := range older {
		start = max(start, l.Start+1)
	}
	return start
}

// StartAnew decides what becomes of a guess that Redis has refused with that holder, which is the
// zero Lease where there is none. began is when the guess was made, and now is TIME of the
// answer, both by Redis's clock. Where the holder registered after began, the guess is
// superseded as any lease would be, and ok is false. Otherwise the guess was off, and a lease
// that begins at start takes the node, whatever becomes of late copies of the first call.
func StartAnew(guess, holder record.Lease, began, now time.Time) (start int64, ok bool) {
	held := time.UnixMicro(holder.Start)
	if held.After(began.Add(maxAhead)) && !held.After(now) {
		return 0, false
	}
	return StartAfter(now, guess, holder), true
}
