package replica

import "time"

// A ServerClock estimates the clock of the master of one service from its answers, and
// knows since when contact with that master has not been broken. It has no timers: callers
// hand in when an answer came, and its TIME. The zero value has had no answer.
type ServerClock struct {
	since  time.Time // ours: of the first answer after the last break
	last   time.Time // ours: of the newest answer
	now    time.Time // Redis's, at the time of the newest answer, as well as it is known
	least  time.Time // the same, at least
	master string    // which sent the newest answer
	failed bool      // a call has failed since the newest answer

	off rule
}

// An Answer is when a call was sent, when its answer came, and which master sent it.
type Answer struct {
	Sent, Received time.Time // ours
	Now            time.Time // Redis's TIME, read between the two
	Master         string
}

// maxStep is how far Redis's clock may differ from the estimate. If it differs more, it
// was set. Leases end at absolute times: a clock that is set shortens or lengthens all of
// them.
const maxStep = time.Second

// Answered takes an answer. Contact breaks on a silence longer than gap, on a call that
// failed, on another master, and where Redis's clock was set.
func (c *ServerClock) Answered(a Answer, gap time.Duration) {
	// When the answer came, Redis's clock showed between a.Now and a.Now plus the round trip.
	earliest, latest := a.Now, a.Now.Add(a.Received.Sub(a.Sent))
	expected := c.At(a.Received)
	now := expected
	if now.Before(earliest) {
		now = earliest
	}
	if now.After(latest) {
		now = latest
	}
	silent := a.Received.Sub(c.last) > gap && c.off&ruleSilence == 0
	failed := c.failed && c.off&ruleFailure == 0
	moved := a.Master != c.master && c.off&ruleMaster == 0
	set := now.Sub(expected).Abs() > maxStep && c.off&ruleStep == 0
	if !c.Known() || silent || failed || moved || set {
		c.since = a.Received
	}
	c.last, c.now, c.least, c.master, c.failed = a.Received, now, earliest, a.Master, false
}

// Failed breaks contact: a call has failed, so calls of other processes may have failed
// too.
func (c *ServerClock) Failed() { c.failed = true }

// Known reports whether Redis has ever answered.
func (c *ServerClock) Known() bool { return !c.last.IsZero() }

// Last returns when the newest answer came, and Since when the first one came after the
// last break of contact, by our clock. Now returns what Redis's clock showed at Last.
func (c *ServerClock) Last() time.Time  { return c.last }
func (c *ServerClock) Since() time.Time { return c.since }
func (c *ServerClock) Now() time.Time   { return c.now }

// At estimates what Redis's clock shows at a time of ours. It uses our monotonic clock: a
// step of our wall clock changes nothing.
func (c *ServerClock) At(local time.Time) time.Time { return c.now.Add(local.Sub(c.last)) }

// maxDrift is by how much two clocks may go apart: so much in 1.
const maxDrift = 0.001

// Least is what Redis's clock shows at least at a time of ours after the newest answer, unless
// it was set back since or another master took over.
func (c *ServerClock) Least(local time.Time) time.Time {
	passed := local.Sub(c.last)
	return c.least.Add(passed - time.Duration(maxDrift*float64(passed)))
}

// Local is the opposite of At.
func (c *ServerClock) Local(redis time.Time) time.Time { return c.last.Add(redis.Sub(c.now)) }

// ProvenFrom returns from when on a lease of this TTL that has ended means that its node is
// gone, if contact does not break before: by then every process that could renew has
// done so.
func (c *ServerClock) ProvenFrom(ttl time.Duration) time.Time {
	return c.since.Add(ttl/2 + time.Second)
}
