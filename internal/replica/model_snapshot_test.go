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

// snapshot reads the service, in several calls.
func (r *reader) snapshot() {
	t := &taking{r: r, sub: r.sub}
	read(t, (*server).indexReply, func(l indexReply, _ *server) {
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
		if ok {
			then(answer, from)
			return
		}
		r.feed.ReadFailed(errLate, r.w.local())
		r.wake()
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
			delete(o, m.ID)
		}
		t.snap.Overrides = o
		sent := t.r.w.now
		var asked time.Duration
		read(t, func(s *server) indexReply {
			asked = t.r.w.now
			return s.indexReply()
		}, func(l indexReply, from *server) {
			t.snap.After, t.snap.Now = l.version, redis(l.clock)
			t.finish(asked, t.r.w.answer(sent, l.clock, from))
		})
	})
}

func (t *taking) finish(asked time.Duration, a Answer) {
	r, w := t.r, t.r.w
	if w.isOff(ruleTwoVersions) {
		t.snap.Before = t.snap.After
	}
	current, counts := r.feed.current(), true
	r.input(source{name: "snapshot", at: asked}, func() Outcome {
		v := r.feed.Read(t.snap, a, w.local())
		if counts = v < Reread; v == Reread {
			return Settled
		}
		return v
	})
	switch {
	case !current: // events may have been lost meanwhile
	case !counts:
		w.note("%s: the snapshot does not count", r.name)
		w.snapshotDropped(r)
	default:
		if w.isOff(ruleSubscribeFirst) && t.sub.server == nil {
			r.open(t.sub)
		}
		w.read(r, asked)
	}
}
