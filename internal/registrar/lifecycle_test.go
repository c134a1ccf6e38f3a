package registrar

import (
	"slices"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var allEvents = []event{renewed, forgotten, expired, checkFailed, takenOver, removed, ended}

// TestLifecycle is every state with every event.
func TestLifecycle(t *testing.T) {
	//                    renewed     forgotten   expired     checkFailed takenOver   removed     ended
	for from, want := range map[State][7]State{
		Pending:    {Live, Pending, Pending, Withheld, Superseded, Removed, Left},
		Live:       {Live, Lost, Lost, Withheld, Superseded, Removed, Left},
		Lost:       {Live, Lost, Lost, Withheld, Superseded, Removed, Left},
		Withheld:   {Live, Withheld, Withheld, Withheld, Superseded, Removed, Left},
		Superseded: {Superseded, Superseded, Superseded, Superseded, Superseded, Superseded, Left},
		Removed:    {Removed, Removed, Removed, Removed, Removed, Removed, Left},
		Left:       {Left, Left, Left, Left, Left, Left, Left},
	} {
		for _, e := range allEvents {
			l := life{state: from, confirmed: true}
			changed := l.on(e, true)
			if l.state != want[e] || changed != (want[e] != from) {
				t.Errorf("%v, event %d: %v, changed %v; want %v", from, e, l.state, changed, want[e])
			}
		}
	}
}

// A first Register that is refused changes nothing: its caller is told.
func TestLifecycleOfARefusedRegister(t *testing.T) {
	for _, e := range []event{takenOver, removed} {
		if l := (life{}); l.on(e, false) || l.state != Pending {
			t.Errorf("event %d: %v", e, l.state)
		}
		if l := (life{}); !l.on(e, true) || !l.over() { // it goes on in the background
			t.Errorf("event %d in the background: %v", e, l.state)
		}
	}
}

// Whatever happens: nothing but the end follows a state that is over, a node is live only
// by a renewal, and a change is told exactly when there is one.
func TestLifecycleRapidly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var l life
		taken := false // Redis has taken it
		for _, e := range rapid.SliceOf(rapid.SampledFrom(allEvents)).Draw(t, "events") {
			before := l
			changed := l.on(e, rapid.Bool().Draw(t, "kept"))
			taken = taken || e == renewed && !before.over()
			switch {
			case changed != (l.state != before.state):
				t.Fatalf("%v became %v by event %d, changed %v", before.state, l.state, e, changed)
			case before.over() && l.state != before.state && l.state != Left:
				t.Fatalf("%v became %v", before.state, l.state)
			case l.state == Live && before.state != Live && e != renewed:
				t.Fatalf("%v is live by event %d", before.state, e)
			case l.confirmed != taken:
				t.Fatalf("confirmed %v, taken %v", l.confirmed, taken)
			case slices.Contains([]State{Lost, Live}, l.state) && !l.confirmed:
				t.Fatalf("%v, and Redis has never taken it", l.state)
			}
		}
	})
}
