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
	r       *reader
	attempt int
	from    *server
	ids     []string
	snap    Snapshot
	began   time.Duration
}

// snapshot reads the service, in several calls.
func (r *reader) snapshot() {
	if r.taking || !r.sub.acked && !r.w.isOff(ruleSubscribeFirst) {
		return
	}
	r.w.reading(r)
	r.attempt++
	r.taking = true
	r.rep.Begin()
	t := &taking{r: r, attempt: r.attempt}
	read(t, (*server).look, func(l look, from *server) {
		t.from, t.snap.Before, t.snap.Log = from, l.version, l.log
		read(t, (*server).ids, func(ids []string, _ *server) {
			t.ids = ids
			t.pages()
		})
	})
}

// abandon ends a snapshot that cannot count any more.
func (r *reader) abandon() {
	if r.taking {
		r.taking = false
		r.rep.Abandon()
	}
}

// read is one call of a snapshot. All of them have to be answered by one master.
func read[T any](t *taking, do func(*server) T, then func(T, *server)) {
	r := t.r
	ask(&r.host, limit, do, func(answer T, from *server, ok bool) {
		switch {
		case !r.taking || t.attempt != r.attempt:
		case !ok || t.from != nil && from != t.from && !r.w.isOff(ruleOneMaster):
			r.abandon()
			r.again()
		default:
			then(answer, from)
		}
	})
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
		}
		var asked time.Duration
		read(t, func(s *server) look {
			asked = t.r.w.now
			return s.look()
		}, func(l look, _ *server) {
			t.snap.After, t.snap.Now = l.version, time.UnixMicro(l.clock.Microseconds())
			t.finish(asked)
		})
	})
}

func (t *taking) finish(asked time.Duration) {
	r := t.r
	r.taking = false
	if r.w.isOff(ruleTwoVersions) {
		t.snap.Before = t.snap.After
	}
	r.input(source{name: "snapshot", at: asked}, func() Verdict {
		v := r.rep.Snapshot(t.snap)
		if v == Reread {
			r.again()
			return Settled
		}
		r.tries = 0
		r.w.read(r)
		return v
	})
}

// again tries once more: at once, or after three times with the next poll.
func (r *reader) again() {
	r.w.note("%s: the snapshot does not count", r.name)
	if r.tries++; r.tries < 3 {
		r.snapshot()
		return
	}
	r.tries = 0
	r.w.unread(r)
	r.later(r.w.between(min(2*time.Second, r.w.ttl/6), r.w.poll()), r.snapshot)
}
