package lifecycle

import (
	"slices"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var allEvents = []Event{Renewed, Forgotten, Expired, CheckFailed, TakenOver, OperatorRemoved, Ended}

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
			l := Life{State: from, Confirmed: true}
			changed := l.On(e, true)
			if l.State != want[e] || changed != (want[e] != from) {
				t.Errorf("%v, event %d: %v, changed %v; want %v", from, e, l.State, changed, want[e])
			}
		}
	}
}

// A first Register that is refused changes nothing: its caller gets the error.
func TestLifecycleOfARefusedRegister(t *testing.T) {
	for _, e := range []Event{TakenOver, OperatorRemoved} {
		if l := (Life{}); l.On(e, false) || l.State != Pending {
			t.Errorf("event %d: %v", e, l.State)
		}
		if l := (Life{}); !l.On(e, true) || !l.Over() { // it goes on in the background
			t.Errorf("event %d in the background: %v", e, l.State)
		}
	}
}

// Whatever happens: nothing but the end follows a state that is over, a node is live only
// by a renewal, and a change is returned exactly when there is one.
func TestLifecycleRapidly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var l Life
		taken := false // Redis has taken it
		for _, e := range rapid.SliceOf(rapid.SampledFrom(allEvents)).Draw(t, "events") {
			before := l
			changed := l.On(e, rapid.Bool().Draw(t, "kept"))
			taken = taken || e == Renewed && !before.Over()
			switch {
			case changed != (l.State != before.State):
				t.Fatalf("%v became %v by event %d, changed %v", before.State, l.State, e, changed)
			case before.Over() && l.State != before.State && l.State != Left:
				t.Fatalf("%v became %v", before.State, l.State)
			case l.State == Live && before.State != Live && e != Renewed:
				t.Fatalf("%v is live by event %d", before.State, e)
			case l.Confirmed != taken:
				t.Fatalf("confirmed %v, taken %v", l.Confirmed, taken)
			case slices.Contains([]State{Lost, Live}, l.State) && !l.Confirmed:
				t.Fatalf("%v, and Redis has never taken it", l.State)
			}
		}
	})
}
