package replica

import "time"

// A host is a process on the network: what it waits for reaches it only while
// it runs.
type host struct {
	w        *world
	name     string
	hangs    func() // called when a call hangs; nil for hosts that call no scripts
	crashed  bool
	paused   bool
	deferred []func()
	isolated bool // from Redis
}

// do has f done on the host: at once, when it goes on, or never.
func (h *host) do(f func()) {
	switch {
	case h.crashed:
	case h.paused:
		h.deferred = append(h.deferred, f)
	default:
		f()
	}
}

// later has f done on the host when d has passed.
func (h *host) later(d time.Duration, f func()) { h.w.after(d, func() { h.do(f) }) }

// resume ends a pause.
func (h *host) resume() {
	h.paused = false
	for len(h.deferred) > 0 && !h.paused {
		f := h.deferred[0]
		h.deferred = h.deferred[1:]
		h.do(f)
	}
}

// ask sends a call to the present master, and gives what it answered to then:
// or that the answer did not come in time, whatever the call has done. The call
// of a script may hang on its way, and be executed once more than asked: long
// after, and by another master.
func ask[T any](h *host, limit time.Duration, do func(*server) T, then func(answer T, from *server, ok bool)) {
	w, to, open := h.w, h.w.master, true
	finish := func(answer T, ok bool) {
		h.do(func() {
			if open {
				open = false
				then(answer, to, ok)
			}
		})
	}
	w.after(limit, func() {
		var none T
		finish(none, false)
	})
	deliver := func(s *server) {
		s.exec(func() {
			answer := do(s)
			w.after(w.latency(), func() {
				if !h.isolated {
					finish(answer, true)
				}
			})
		})
	}
	if h.isolated {
		return
	}
	delay := w.latency()
	if h.hangs != nil && w.chance(w.plan.hang) {
		h.hangs()
		delay = w.between(0, 30*time.Second)
	}
	w.after(delay, func() { deliver(to) })
	if h.hangs != nil && w.chance(w.plan.copies) {
		w.after(w.between(0, limit+2*time.Second), func() { deliver(w.master) })
	}
}

func (w *world) latency() time.Duration {
	if w.chance(w.plan.slow) {
		return w.between(10*time.Millisecond, 300*time.Millisecond)
	}
	return w.between(100*time.Microsecond, 3*time.Millisecond)
}

// A subscription brings the events of one server to one reader, in order but
// for what the plan of the run says. It is lost, repeated and late without
// any host being informed.
type subscription struct {
	w       *world
	of      *reader
	server  *server // nil until it was asked
	acked   bool
	closed  bool          // by the reader
	broken  bool          // it brings nothing any more
	arrives time.Duration // the newest event that is on its way
}

// send puts a message on its way, and says if it is lost.
func (s *subscription) send(name string, lost, receive func()) {
	w := s.w
	if s.broken {
		return
	}
	if w.chance(w.plan.loss) {
		w.note("%s: event %.6s is lost", s.of.name, name)
		lost()
		return
	}
	delay := w.between(100*time.Microsecond, 3*time.Millisecond)
	if w.chance(w.plan.reorder) {
		delay += w.between(0, 35*time.Millisecond)
	} else {
		s.arrives = max(s.arrives, w.now+delay)
		delay = s.arrives - w.now
	}
	s.deliver(delay, receive)
	if w.chance(w.plan.repeat) {
		s.deliver(delay+w.between(0, 2*time.Second), receive)
	}
}

func (s *subscription) deliver(delay time.Duration, receive func()) {
	s.of.later(delay, func() {
		if !s.closed && !s.broken {
			receive()
		}
	})
}

// sever ends a subscription. Half-open, neither side is informed.
func (s *subscription) sever(halfOpen bool) {
	if s.broken || s.closed || s.server == nil {
		return
	}
	s.broken = true
	s.of.excuse()
	s.w.note("%s: subscription on %s is lost (half-open %v)", s.of.name, s.server.name, halfOpen)
	if !halfOpen {
		s.of.later(s.w.between(time.Millisecond, 20*time.Millisecond), func() { s.of.renew(s) })
	}
}
