package replica

import (
	"maps"
	"time"
)

// page is how many nodes a snapshot reads in one call: few, so that changes
// come in between.
const page = 2

// A taking is a snapshot under way. Each of its reads comes at its own time.
type taking struct {
	r    *reader
	sub  *subscription
	ids  []string
	snap Snapshot
}

// reread takes a snapshot when d has passed, or sooner if that was agreed. It
// waits for the subscription, and for the snapshot that is under way.
func (r *reader) reread(d time.Duration) {
	at := r.w.now + d
	r.probeAt = 0
	if r.rereadAt == 0 || at < r.rereadAt {
		r.rereadAt = at
	}
	r.later(d, r.read)
}

func (r *reader) read() {
	due := r.rereadAt != 0 && r.rereadAt <= r.w.now
	if due && r.taking == nil && (r.sub.acked && !r.sub.closed || r.w.isOff(ruleSubscribeFirst)) {
		r.rereadAt = 0
		r.snapshot()
	}
}

// snapshot reads the service, in several calls.
func (r *reader) snapshot() {
	t := &taking{r: r, sub: r.sub}
	r.taking = t
	r.rep.Begin()
	read(t, (*server).look, func(l look, _ *server) {
		t.snap.Before, t.snap.Log = l.version, l.log
		read(t, (*server).ids, func(ids []string, _ *server) {
			t.ids = ids
			t.pages()
		})
	})
}

// read is one call of a snapshot.
func read[T any](t *taking, do func(*server) T, then func(T, *server)) {
	r := t.r
	ask(&r.host, limit, do, func(answer T, from *server, ok bool) {
		switch {
		case !ok:
			r.contact.failed = true
			t.drop(r.w.between(r.w.poll()/4, r.w.poll()/2))
		case t.sub != r.sub || t.sub.closed:
			t.drop(0)
		default:
			then(answer, from)
		}
	})
}

// drop ends a snapshot that cannot count, for another.
func (t *taking) drop(wait time.Duration) {
	t.r.taking = nil
	t.r.rep.Abandon()
	t.r.reread(wait)
}

func (t *taking) pages() {
	if len(t.ids) == 0 {
		t.rest()
		return
	}
	ids := t.ids[:min(page, len(t.ids))]
	t.ids = t.ids[len(ids):]
	read(t, func(s *server) []Member { return s.members(ids) }, func(members []Member, _ *server) {
		t.snap.Members = append(t.snap.Members, members...)
		t.pages()
	})
}

// rest reads the overrides and the second version.
func (t *taking) rest() {
	read(t, func(s *server) map[string]string { return maps.Clone(s.overrides) }, func(o map[string]string, _ *server) {
		for i, m := range t.snap.Members {
			t.snap.Members[i].Override = o[m.ID]
			delete(o, m.ID)
		}
		t.snap.Overrides = o
		q := t.r.question()
		var asked time.Duration
		read(t, func(s *server) look {
			asked = t.r.w.now
			return s.look()
		}, func(l look, from *server) {
			t.r.contact.heard(q.sent, l.clock, from)
			t.snap.After, t.snap.Now = l.version, time.UnixMicro(l.clock.Microseconds())
			t.finish(asked, l.clock)
		})
	})
}

func (t *taking) finish(asked, clock time.Duration) {
	r, w := t.r, t.r.w
	r.taking = nil
	if w.isOff(ruleTwoVersions) {
		t.snap.Before = t.snap.After
	}
	counts := true
	r.input(source{name: "snapshot", at: asked}, func() Verdict {
		v := r.rep.Snapshot(t.snap)
		if counts = v != Reread; !counts {
			return Settled
		}
		return v
	})
	if !counts {
		w.note("%s: the snapshot does not count", r.name)
		wait := w.between(40*time.Millisecond, 200*time.Millisecond)
		if r.tries++; r.tries == 3 {
			r.tries, wait = 0, w.poll()
		}
		w.unread(r)
		r.reread(wait)
		return
	}
	r.tries = 0
	r.pass(asked, clock)
	if w.isOff(ruleSubscribeFirst) && t.sub.server == nil {
		r.open(t.sub)
	}
	w.read(r, asked)
	r.read()
	r.probe()
}
