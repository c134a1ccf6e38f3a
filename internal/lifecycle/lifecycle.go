// Package lifecycle is the life of one registration: its states, what can happen to it,
// and the next state for each. It is pure: no clock, no Redis.
package lifecycle

// A State is the state of the registration of a node.
type State int

// The states. Package registry documents them under the same names.
const (
	Pending State = iota
	Live
	Lost
	Withheld
	Superseded
	Removed
	Left
)

// States is how many there are.
const States = int(Left) + 1

var names = [States]string{"pending", "live", "lost", "withheld", "superseded", "removed", "left"}

// String returns the state's name in lower case.
func (s State) String() string {
	if s < 0 || int(s) >= States {
		return "unknown"
	}
	return names[s]
}

// Away says whether callers may miss a node in this state.
func (s State) Away() bool { return s == Lost || s == Withheld || s == Superseded || s == Removed }

// An Event is what happens to a registration.
type Event int

// The events.
const (
	Renewed         Event = iota // Redis took a registration or a renewal
	Forgotten                    // Redis does not know the node, and nothing else holds it in views
	Expired                      // nothing was renewed for so long that callers do not see it any more
	CheckFailed                  // its check failed, so it is not renewed
	TakenOver                    // another process has a newer lease
	OperatorRemoved              // an operator removed it
	Ended                        // Deregister, Close, or a first Register that failed
)

// table has the next state for each state and event. What is missing changes nothing. A
// registration that is superseded or removed stays so until it ends, whatever Redis says
// of its lease later.
//
//	Pending --Renewed--> Live --Ended--> Left
//	                     |  ^
//	  Forgotten, Expired v  | Renewed
//	                     Lost
var table = map[State]map[Event]State{
	Pending:    {Renewed: Live, CheckFailed: Withheld, TakenOver: Superseded, OperatorRemoved: Removed, Ended: Left},
	Live:       {Forgotten: Lost, Expired: Lost, CheckFailed: Withheld, TakenOver: Superseded, OperatorRemoved: Removed, Ended: Left},
	Lost:       {Renewed: Live, CheckFailed: Withheld, TakenOver: Superseded, OperatorRemoved: Removed, Ended: Left},
	Withheld:   {Renewed: Live, TakenOver: Superseded, OperatorRemoved: Removed, Ended: Left},
	Superseded: {Ended: Left},
	Removed:    {Ended: Left},
	Left:       {},
}

// A Life is the state of one registration. The zero value is Pending.
type Life struct {
	State     State
	Confirmed bool // Redis has taken it at least once
}

// On takes an event, and returns whether the state has changed. kept says that the node is
// renewed, or tried again, in the background. One that is neither kept nor confirmed is
// not taken over or removed: its Register fails, and nothing is left of it.
func (l *Life) On(e Event, kept bool) (changed bool) {
	if (e == TakenOver || e == OperatorRemoved) && !l.Confirmed && !kept {
		return false
	}
	l.Confirmed = l.Confirmed || e == Renewed && !l.Over()
	to, changes := table[l.State][e]
	if changes {
		l.State = to
	}
	return changes
}

// Over returns whether nothing more can come of the registration.
func (l *Life) Over() bool { return l.State == Superseded || l.State == Removed || l.State == Left }
