package registry

import (
	"time"

	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/record"
	"github.com/rollcall-go/rollcall/internal/replica"
)

// A feed follows one service for all that watch it. The hub's goroutine owns it.
type feed struct {
	*replica.Feed
	service   keys.Service
	followers map[listener]bool
	view      *View          // of the state as it is, for those that Follow; nil until one asks
	told      replica.Health // what the followers know

	due       time.Time // of the hub's schedule
	heapIndex int
}

// subject names the feed in the log of an outage.
func (f *feed) subject() string { return "watch of " + f.service.String() }

// A listener hears of a feed's changes and of its health, from the hub's
// goroutine: it must not block.
type listener interface {
	stands(f *feed) // what is known when it begins to follow
	changed(f *feed, changes []replica.Change)
	fares(f *feed) // its health
}

// message takes a message of the subscription.
func (f *feed) message(payload []byte, now time.Time) replica.Verdict {
	if record.IsLive(payload) {
		if l, err := record.DecodeLive(payload); err == nil {
			f.Live(l, now)
			return replica.Settled
		}
	} else if e, err := record.DecodeEvent(payload); err == nil {
		return f.Event(e, now)
	}
	f.Unreadable(now)
	return replica.Settled
}
