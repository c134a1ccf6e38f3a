package informer

import (
	"time"

	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/record"
	"github.com/rollcall-go/rollcall/internal/replica"
	"github.com/rollcall-go/rollcall/internal/schedule"
)

// A Feed is the state of one service, shared by all that follow it. The loop's goroutine
// owns it: use it in the calls of a Listener and in See only.
type Feed struct {
	// View is what a listener has made of the state for all listeners of the service, by
	// Keep. It is of the newest state unless Stale.
	View any

	// Stale says that the state or the health has changed since Keep, and Changes are the
	// changes of the state since then.
	Stale   bool
	Changes []replica.Change

	service   keys.Service
	state     *replica.Feed
	listeners map[Listener]bool
	reported  replica.Health // what the listeners know

	schedule.Place // when it has something to do
}

// Service returns the service.
func (f *Feed) Service() keys.Service { return f.service }

// maxChanges is how many changes are kept for a View: with more, it is made anew.
const maxChanges = 256

// Keep makes v the View of the newest state.
func (f *Feed) Keep(v any) { f.View, f.Stale, f.Changes = v, false, nil }

// changed notes changes of the state, or of the health if there are none.
func (f *Feed) changed(changes ...replica.Change) {
	f.Stale = true
	if f.View == nil {
		return
	}
	if f.Changes = append(f.Changes, changes...); len(f.Changes) > maxChanges {
		f.View, f.Changes = nil, nil
	}
}

// Nodes returns the nodes that are shown, ordered by ID.
func (f *Feed) Nodes() []replica.Node { return f.state.Replica.Nodes() }

// Shown returns how many these are.
func (f *Feed) Shown() int { return f.state.Replica.Shown() }

// Held returns the IDs of nodes that are shown although their leases are gone, in order.
func (f *Feed) Held() []string { return f.state.Replica.HeldIDs() }

// Lapses returns the nodes whose leases ran out, as replica.Feed does.
func (f *Feed) Lapses() []replica.Lapse { return f.state.Lapses() }

// At returns the point in the service's history that the nodes are of.
func (f *Feed) At() replica.Point { return f.state.Replica.At() }

// Now returns the time by Redis's clock, or ours before Redis has answered.
func (f *Feed) Now() time.Time {
	now := time.Now()
	if f.state.Clock.Known() {
		now = f.state.Clock.At(now)
	}
	return now
}

// Health returns how far the nodes can be trusted.
func (f *Feed) Health() replica.Health { return f.state.Health() }

// subject names the feed in the log of an outage.
func (f *Feed) subject() string { return "watch of " + f.service.String() }

// handleMessage takes a message of the service's channel.
func (f *Feed) handleMessage(payload []byte, now time.Time) replica.Outcome {
	if record.IsLive(payload) {
		if l, err := record.DecodeLive(payload); err == nil {
			f.state.Live(l, now)
			return replica.Settled
		}
	} else if e, err := record.DecodeEvent(payload); err == nil {
		return f.state.Event(e, now)
	}
	f.state.Unreadable(now)
	return replica.Settled
}
