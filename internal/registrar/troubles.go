package registrar

import (
	"errors"
	"time"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/internal/lua"
	"github.com/rollcall-go/rollcall/internal/redisconn"
)

// logChanges logs how the states of nodes have changed since it was called last. book.mu is
// held.
func (r *book) logChanges() {
	if r.states.Write(time.Now()) {
		r.renewals.Signal() // the renewer reminds of it each minute
	}
}

// remind logs once a minute which nodes callers may miss. It returns when there is more to
// say.
func (r *book) remind() (next time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.states.Remind(time.Now())
}

// left takes a subject, such as a service, out of what is in trouble: it has ended.
func (r *book) left(subject string) {
	r.c.Left(subject)
	r.c.Log.Well(&r.renewal, subject, "rollcall: no service is left whose leases are not renewed")
}

// renewalFailed logs what is neither an outage nor a refusal of all writes: those have
// lines of their own. A service is in trouble while any of its batches is. book.mu is held.
func (r *book) renewalFailed(b *batch, err error) {
	if err = redisconn.Classify(err); errors.Is(err, errdefs.ErrUnavailable) || lua.Refusal(err) != "" {
		return
	}
	s := b.service
	s.failing[b.key] = true
	r.c.Log.Troubled(&r.renewal, s.String(), "rollcall: leases are not renewed: what redis said names what to change; callers lose the nodes when the leases end",
		func(e *zerolog.Event) { e.Err(err).Str("namespace", s.keys.Namespace()).Str("service", s.keys.Name()) })
}

// renewalSucceeded ends that. book.mu is held.
func (r *book) renewalSucceeded(b *batch) {
	s := b.service
	if delete(s.failing, b.key); len(s.failing) == 0 {
		r.c.Log.Well(&r.renewal, s.String(), "rollcall: leases are renewed again")
	}
}
