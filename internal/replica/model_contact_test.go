package replica

import "time"

// A contact is what a host knows of Redis's clock, and for how long Redis has
// answered it without a break.
type contact struct {
	w      *world
	known  bool
	since  time.Duration // of the first answer after the last break
	last   time.Duration // of the newest answer
	clock  time.Duration // Redis's, at last
	master *server
	failed bool // a call has failed since the newest answer
}

// heard takes an answer that was sent for and came now, with the TIME in it.
func (c *contact) heard(sent, clock time.Duration, master *server) {
	w := c.w
	expected := c.at(w.now)
	latest := clock + w.now - sent
	step := max(clock-expected, expected-latest)
	breaks := !c.known ||
		c.failed && !w.isOff(ruleFailure) ||
		w.now-c.last > w.ttl/2 && !w.isOff(ruleSilence) ||
		master != c.master && !w.isOff(ruleMaster) ||
		step > time.Second && !w.isOff(ruleStep)
	if breaks {
		c.since = w.now
	}
	c.known, c.last, c.master, c.failed = true, w.now, master, false
	c.clock = min(max(expected, clock), latest)
}

// at estimates what Redis's clock shows at a time of ours.
func (c *contact) at(t time.Duration) time.Duration { return c.clock + t - c.last }

// provenFrom is when leases may be judged.
func (c *contact) provenFrom(grace rule) time.Duration {
	if c.w.isOff(grace) {
		return 0
	}
	return c.since + c.w.ttl/2 + time.Second
}
