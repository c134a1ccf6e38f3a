package registry

import "time"

// A contact is what one service's master has told of its clock, and for how
// long it has answered without a break. It is a value without timers: callers
// say when an answer came and what TIME it bore.
type contact struct {
	since  time.Time // ours: of the first answer after the last break
	last   time.Time // ours: of the newest answer
	now    time.Time // Redis's, at last, as well as it is known
	master string    // who answered
	broken bool      // a call has failed since the newest answer
}

// maxStep is how far Redis's clock may be from where it was expected before it
// counts as stepped. Leases are absolute: a step ends or stretches all of them.
const maxStep = time.Second

// heard takes an answer to a call that was sent and received at these times and
// read TIME in between. Contact breaks on a silence longer than gap, a call that
// failed, another master, or a step of Redis's clock.
func (c *contact) heard(sent, received, now time.Time, master string, gap time.Duration) {
	// At received, Redis's clock shows between now and now plus the round trip.
	earliest, latest := now, now.Add(received.Sub(sent))
	expected := c.at(received)
	clamped := expected
	if clamped.Before(earliest) {
		clamped = earliest
	}
	if clamped.After(latest) {
		clamped = latest
	}
	if c.broken || c.last.IsZero() || received.Sub(c.last) > gap || master != c.master ||
		clamped.Sub(expected).Abs() > maxStep {
		c.since = received
	}
	c.last, c.now, c.master, c.broken = received, clamped, master, false
}

// lost breaks contact: a call has failed, so others may have failed too.
func (c *contact) lost() { c.broken = true }

// known tells whether Redis has ever answered.
func (c *contact) known() bool { return !c.last.IsZero() }

// at estimates what Redis's clock shows at a time of ours. It goes by our
// monotonic clock, so that a step of our wall clock changes nothing.
func (c *contact) at(local time.Time) time.Time { return c.now.Add(local.Sub(c.last)) }

// local is the opposite of at.
func (c *contact) local(redis time.Time) time.Time { return c.last.Add(redis.Sub(c.now)) }

// provenFrom is when leases may be judged, if contact does not break before: by
// then everybody who could renew has done so.
func (c *contact) provenFrom(ttl time.Duration) time.Time {
	return c.since.Add(ttl/2 + time.Second)
}
