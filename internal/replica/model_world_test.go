package replica

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// A world is one run of the model: one service in Redis, those who register and
// those who read, and what befalls them. Its time is virtual and nothing in it
// is left to chance but the seed, so a run repeats exactly.
type world struct {
	now   time.Duration
	queue queue
	rng   *rand.Rand
	plan  plan
	off   rule

	ttl       time.Duration // of every lease
	master    *server
	processes []*process
	readers   []*reader
	claims    map[string]*claim // by lease
	acts      map[string]string // the lease of each change, by tag
	oracle    oracle
	suspended bool // all hosts are paused
	ids       int  // of servers, processes and nodes so far

	violation *violation
	tracing   bool
	trace     []string
}

// A violation is a promise that a run broke.
type violation struct {
	promise string
	detail  string
	at      time.Duration
}

func (v *violation) String() string {
	if v == nil {
		return "no violation"
	}
	return fmt.Sprintf("%v: %s: %s", v.at, v.promise, v.detail)
}

// The promises, as violations name them.
const (
	inOrder      = "revisions go back"
	exactChanges = "changes do not add up"
	noGap        = "a difference was not healed within one poll"
	prompt       = "a change that was delivered was not seen at once"
	noDeafness   = "a subscription that lost events was kept"
	thrift       = "read again without need"
	noFalseEnd   = "a living node was removed"
	lastWins     = "an older process kept a newer one out"
	fenced       = "an older call changed a node"
	noZombie     = "a node came back after its deregistration"
	soonGone     = "a dead node is shown too long"
	recovers     = "a living node did not come back in time"
	converges    = "a view differs from the registry at the end"
	ownWord      = "a node is held by the word of another lease"
	refusalEnds  = "nodes are shown as held after they renewed"
)

// fail notes the first violation, which ends the run.
func (w *world) fail(promise, format string, args ...any) {
	if w.violation == nil {
		w.violation = &violation{promise, fmt.Sprintf(format, args...), w.now}
		w.note("VIOLATION %s: %s", promise, w.violation.detail)
	}
}

// note adds a line to the trace of a run that is repeated to be read.
func (w *world) note(format string, args ...any) {
	if w.tracing {
		w.trace = append(w.trace, fmt.Sprintf("%11.6fs  ", w.now.Seconds())+fmt.Sprintf(format, args...))
	}
}

// isOff reports whether a rule of the model is switched off.
func (w *world) isOff(r rule) bool { return w.off&r != 0 }

func (w *world) chance(p float64) bool { return p > 0 && w.rng.Float64() < p }

func (w *world) between(least, most time.Duration) time.Duration {
	if most <= least {
		return least
	}
	return least + time.Duration(w.rng.Int64N(int64(most-least)))
}

// nonce is 48 random bits as 12 hex digits.
func (w *world) nonce() string { return fmt.Sprintf("%012x", w.rng.Uint64()>>16) }

// pick returns one of some, or the zero value of none.
func pick[T any](w *world, some []T) (one T) {
	if len(some) > 0 {
		one = some[w.rng.IntN(len(some))]
	}
	return one
}

// after has do done when d has passed; at once where that is in the past, as a deadline
// is for a process that was paused.
func (w *world) after(d time.Duration, do func()) { w.queue.add(w.now+max(d, 0), do) }

// run lets time pass until then, or until a promise is broken.
func (w *world) run(until time.Duration) {
	for w.violation == nil && w.queue.next() <= until {
		w.now = w.queue.next()
		w.queue.take()()
	}
	w.now = until
}

// A queue is a heap of what is to be done: by time, and in the order in which
// it was added.
type queue struct {
	items []item
	added uint64
}

type item struct {
	at time.Duration
	n  uint64
	do func()
}

func (a item) before(b item) bool { return a.at < b.at || a.at == b.at && a.n < b.n }

// next is when the first is due; never, if there is none.
func (a *queue) next() time.Duration {
	if len(a.items) == 0 {
		return 1<<63 - 1
	}
	return a.items[0].at
}

func (a *queue) add(at time.Duration, do func()) {
	a.added++
	a.items = append(a.items, item{at, a.added, do})
	for i := len(a.items) - 1; i > 0; {
		up := (i - 1) / 2
		if !a.items[i].before(a.items[up]) {
			break
		}
		a.items[i], a.items[up], i = a.items[up], a.items[i], up
	}
}

func (a *queue) take() func() {
	first, last := a.items[0], len(a.items)-1
	a.items[0], a.items[last] = a.items[last], item{}
	a.items = a.items[:last]
	for i := 0; ; {
		least := i
		for _, down := range []int{2*i + 1, 2*i + 2} {
			if down < last && a.items[down].before(a.items[least]) {
				least = down
			}
		}
		if least == i {
			return first.do
		}
		a.items[i], a.items[least], i = a.items[least], a.items[i], least
	}
}
