package registrar

import (
	"errors"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/errdefs"
	"github.com/rollcall-go/rollcall/internal/lua"
	"github.com/rollcall-go/rollcall/internal/redisconn"
)

// left takes a subject, such as a service, out of what is in trouble: it has ended.
func (r *book) left(subject string) {
	r.c.Left(subject)
	r.c.Log.Well(&r.renewal, subject, "rollcall: no service is left whose leases are not renewed")
}

// renewalFailed logs what is neither an outage nor a refusal of all writes: those have
// lines of their own.
func (r *book) renewalFailed(s *service, err error) {
	if err = redisconn.Classify(err); errors.Is(err, errdefs.ErrUnavailable) || lua.Refusal(err) != "" {
		return
	}
	r.c.Log.Troubled(&r.renewal, s.String(), "rollcall: leases are not renewed: what redis said names what to change; callers lose the nodes when the leases end",
		func(e *zerolog.Event) { e.Err(err).Str("namespace", s.keys.Namespace()).Str("service", s.keys.Name()) })
}
