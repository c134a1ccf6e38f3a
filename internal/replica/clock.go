package replica

import "time"

// A ServerClock is what the answers of one service's master tell of Redis's clock, and
// since when they have come without a break. It is a value without timers: callers say
// when an answer came, and what TIME it brought. The zero value has had no answer.
type ServerClock struct {
	since  time.Time // ours: of the first answer after the last break
	last   time.Time // ours: of the newest answer
	now    time.Time // Redis's, at last, as well as it is known
	master string    // who sent it
	failed bool      // a call has failed since the newest answer

	off rule
}

// An Answer is when a call was sent, when its answer came, and who sent the answer.
type Answer struct {
	Sent, Received time.Time // ours
	Now            time.Time // Redis's TIME, read between the two
	Master         string
}

// maxStep is how far Redis's clock may be from where it was expected before it counts
// as set. Leases end at absolute times: a clock that was set ends or stretches all of
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
	c.last, c.now, c.master, c.failed = a.Received, now, a.Master, false
}

// Failed breaks contact: a call has failed, so those of others may have failed too.
func (c *ServerClock) Failed() { c.failed = true }

// Known tells whether Redis has ever answered.
func (c *ServerClock) Known() bool { return !c.last.IsZero() }

// Last is when the newest answer came, by our clock; Since is when the first one did
// after contact broke the last time; Now is what Redis's clock showed at Last.
func (c *ServerClock) Last() time.Time  { return c.last }
func (c *ServerClock) Since() time.Time { return c.since }
func (c *ServerClock) Now() time.Time   { return c.now }

// At estimates what Redis's clock shows at a time of ours. It goes by our monotonic
// clock: a step of our wall clock changes nothing.
func (c *ServerClock) At(local time.Time) time.Time { return c.now.Add(local.Sub(c.last)) }

// Local is the opposite of At.
func (c *ServerClock) Local(redis time.Time) time.Time { return c.last.Add(redis.Sub(c.now)) }

// ProvenFrom is from when leases of this TTL may be taken for ended, if contact does not
// break before: by then everybody who could renew has done so.
func (c *ServerClock) ProvenFrom(ttl time.Duration) time.Time {
	return c.since.Add(ttl/2 + time.Second)
}
