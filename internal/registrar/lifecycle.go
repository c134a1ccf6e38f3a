package registrar

// A State is where the registration of a node stands.
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

var stateNames = [...]string{"pending", "live", "lost", "withheld", "superseded", "removed", "left"}

// String returns the state's name in lower case.
func (s State) String() string {
	if s < 0 || int(s) >= len(stateNames) {
		return "unknown"
	}
	return stateNames[s]
}

// An event is what happens to a registration.
type event int

const (
	renewed     event = iota // Redis took a registration or a renewal
	forgotten                // Redis does not know the node, and nothing else holds it in views
	expired                  // nothing was renewed for so long that callers do not see it any more
	checkFailed              // its check failed, so it is not renewed
	takenOver                // another process has a newer lease
	removed                  // an operator removed it
	ended                    // Deregister, Close, or a first Register that failed
)

// lifecycle is the life of a registration: the next state for each state and event. What
// is missing changes nothing. A registration that is superseded or removed stays so until
// it ends, whatever Redis says of its lease later.
//
//	Pending --renewed--> Live --ended--> Left
//	                     |  ^
//	  forgotten, expired v  | renewed
//	                     Lost
var lifecycle = map[State]map[event]State{
	Pending:    {renewed: Live, checkFailed: Withheld, takenOver: Superseded, removed: Removed, ended: Left},
	Live:       {forgotten: Lost, expired: Lost, checkFailed: Withheld, takenOver: Superseded, removed: Removed, ended: Left},
	Lost:       {renewed: Live, checkFailed: Withheld, takenOver: Superseded, removed: Removed, ended: Left},
	Withheld:   {renewed: Live, takenOver: Superseded, removed: Removed, ended: Left},
	Superseded: {ended: Left},
	Removed:    {ended: Left},
	Left:       {},
}

// A life is where one registration stands in its lifecycle. The zero value is Pending.
type life struct {
	state     State
	confirmed bool // Redis has taken it at least once
}

// on takes an event, and tells whether the state has changed. kept says that the node is
// renewed, or tried again, in the background. One that is neither kept nor confirmed is
// not taken over or removed: its Register fails, and nothing is left of it.
func (l *life) on(e event, kept bool) (changed bool) {
	if (e == takenOver || e == removed) && !l.confirmed && !kept {
		return false
	}
	l.confirmed = l.confirmed || e == renewed && !l.over()
	to, changes := lifecycle[l.state][e]
	if changes {
		l.state = to
	}
	return changes
}

// over tells whether nothing more can come of the registration.
func (l *life) over() bool { return l.state == Superseded || l.state == Removed || l.state == Left }
