package registry

import (
	"time"

	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/record"
	"github.com/rollcall-go/rollcall/internal/replica"
)

// alive takes the message of nodes that they live although Redis refuses to renew
// their leases.
func (f *feed) alive(payload string, poll time.Duration, now time.Time) {
	l, err := record.DecodeLive([]byte(payload))
	if err != nil {
		f.reread(now.Add(poll)) // as with an event that cannot be read
		return
	}
	f.replica.Live(l, f.contact.at(now))
}

// refused notes whether leases are refused, for the view.
func (f *feed) refused(r replica.Refusal) {
	if r != f.health.refusal {
		f.health.refusal, f.refusedSince = r, f.contact.local(r.Since)
	}
}

// end returns when a lease ends at the earliest, by the index: those that were not
// read come after those that were. It is zero for a node that the index lacks.
func (l look) end(id string) time.Time {
	member := keys.EscapeID(id)
	for _, m := range l.lowest {
		if m.member == member {
			return m.end
		}
	}
	if n := len(l.lowest); 0 < n && n < l.members {
		return l.lowest[n-1].end
	}
	return time.Time{}
}
