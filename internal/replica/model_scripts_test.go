package replica

import (
	"cmp"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/rollcall-go/rollcall/internal/keys"
	"github.com/rollcall-go/rollcall/internal/record"
)

// A call is what every script is given, and the nodes that it is about.
type call struct {
	deadline time.Duration // by the server's clock
	nonce    string
	nodes    []touch
}

// A reply is what a script returns. The codes are those of internal/lua.
type reply struct {
	failed  bool // late, or refused while the slot moves or writes are refused
	refused bool // the latter; then there is no now
	now     time.Duration
	next    int64 // the lease end that comes next, ms; 0 where none does
	late    bool  // it came after its deadline
	codes   []int
	holders []string // by register: who has the node, for each with -1
	nodes   []touch  // of the call
}

// Whose act a deregistration is.
const (
	bySelf     = "self"
	byOperator = "op"
	byUndo     = "undo"
)

// maxLease is newer than all others.
const maxLease = "9000000000000000-ffffffffffff"

// guard begins a script: whether it has to do nothing.
func (s *server) guard(c call, deadline rule) (reply, bool) {
	late := s.clock() > c.deadline && !s.w.isOff(deadline)
	return reply{failed: late || s.migrating, late: late, now: s.clock()}, late || s.migrating
}

// refuse is the answer to a script at its first write, while writes are refused.
func (s *server) refuse(c call) reply {
	for _, t := range c.nodes {
		s.w.denied(t)
	}
	return reply{failed: true, refused: true}
}

func (s *server) done(codes []int) reply {
	r := reply{now: s.clock(), codes: codes}
	if ends := s.ends(); len(ends) > 0 {
		r.next = ends[0].at
	}
	return r
}

// change makes one change of the history and publishes it.
func (s *server) change(c call, kind record.Kind, id, lease, payload string) {
	prev, missing := s.version, len(s.log) == 0
	if prev.Tag == "" {
		missing = true
		prev.Epoch = fmt.Sprintf("%d-%s", s.clock().Microseconds(), c.nonce)
	}
	us := s.clock().Microseconds()
	text := fmt.Sprintf("%s %s %s %s %d", prev.Tag, c.nonce, kind, id, us)
	if s.w.isOff(ruleTag) {
		text = c.nonce + id
	}
	sum := sha1.Sum([]byte(text))
	s.version = Point{Epoch: prev.Epoch, Rev: prev.Rev + 1, Tag: hex.EncodeToString(sum[:])}
	s.log = slices.Insert(s.log, 0, record.LogEntry{Tag: s.version.Tag, Kind: kind, Lease: lease, ID: id})
	s.log = s.log[:min(len(s.log), s.w.plan.log)]
	if missing || kind == record.Del || kind == record.Exp {
		s.keep()
	}
	s.w.acts[s.version.Tag] = cmp.Or(lease, maxLease)
	s.reached()
	s.w.note("%s: rev %d %.6s after %.6s: %s %s %s", s.name, s.version.Rev, s.version.Tag, prev.Tag, kind, id, lease)
	s.w.changed(s)
	s.publish(record.Event{
		Epoch: s.version.Epoch, Rev: s.version.Rev, Prev: prev.Tag, Tag: s.version.Tag, Time: time.UnixMicro(us),
		Kind: kind, Lease: lease, ID: id, Payload: []byte(payload),
	})
}

func (s *server) lease(id string, ttl int64) {
	s.hashes[id].expires = s.clockMS() + ttl
	s.index[id] = s.clockMS() + ttl
}

func (s *server) register(c call) reply {
	if r, nothing := s.guard(c, ruleRegisterDeadline); nothing {
		s.w.refused(c)
		return r
	}
	codes := make([]int, len(c.nodes))
	holders := make([]string, len(c.nodes))
	refused := false
	for i, t := range c.nodes {
		h := s.hash(t.id)
		code, fenced := s.fence(h, t)
		if code == -1 || !fenced && s.isAhead(h, t) {
			code, fenced = -1, true
			if h != nil {
				holders[i] = h.lease
			}
		}
		if !fenced {
			code = 1
			if _, indexed := s.index[t.id]; indexed && h != nil && h.lease == t.lease && h.seq == t.seq && h.data == t.data {
				code = 2
			}
		}
		codes[i], refused = code, refused || code < 0
	}
	if refused {
		for i := range codes {
			codes[i] = min(codes[i], 0)
		}
		r := s.done(codes)
		r.holders = holders
		return r
	}
	if s.refusing && slices.Min(codes) < 3 {
		return s.refuse(c)
	}
	for i, t := range c.nodes {
		if codes[i] == 1 {
			s.w.putting(s, t)
			s.hashes[t.id] = &hash{lease: t.lease, seq: t.seq, rev: s.version.Rev + 1, ttl: s.w.ttl.Milliseconds(), data: t.data}
			s.lease(t.id, s.w.ttl.Milliseconds())
			s.change(c, record.Put, t.id, t.lease, t.data)
		}
		if codes[i] != 3 {
			s.lease(t.id, s.w.ttl.Milliseconds())
			s.w.held(s, t)
			s.extended()
		}
	}
	return s.done(codes)
}

func (s *server) deregister(c call, by string) reply {
	if r, nothing := s.guard(c, 0); nothing {
		return r
	}
	if s.refusing {
		return s.refuse(call{})
	}
	undo := by == byUndo && !s.w.isOff(ruleUndo)
	tomb := by
	if by == byUndo {
		tomb = bySelf
	}
	codes := make([]int, len(c.nodes))
	for i, t := range c.nodes {
		s.w.deregistered(s, t)
		h := s.hash(t.id)
		_, indexed := s.index[t.id]
		ours := h != nil && h.lease == t.lease
		switch {
		case h != nil && newer(h.lease, t.lease):
			codes[i] = -1
			continue
		case undo && !ours:
			continue
		case !ours || h.gone != tomb:
			s.bury(t, tomb)
		}
		if indexed {
			s.w.ending(s, t.id, t.lease, by)
			codes[i] = 1
			delete(s.index, t.id)
			s.change(c, record.Del, t.id, t.lease, "")
		}
	}
	return s.done(codes)
}

// bury leaves a tombstone.
func (s *server) bury(t touch, by string) {
	delete(s.hashes, t.id)
	if !s.w.isOff(ruleTombstone) {
		s.hashes[t.id] = &hash{gone: by, lease: t.lease, seq: t.seq, expires: s.clockMS() + 60_000}
	}
}

// reap removes nodes that ran out; it is given only ids.
func (s *server) reap(c call) reply {
	if r, nothing := s.guard(c, ruleReapDeadline); nothing {
		return r
	}
	if s.refusing {
		return s.refuse(call{})
	}
	codes := make([]int, len(c.nodes))
	for i, t := range c.nodes {
		score, indexed := s.index[t.id]
		h := s.hash(t.id)
		switch {
		case !indexed || score > s.clockMS():
		case h != nil && h.gone == "" && !s.w.isOff(ruleRepair):
			codes[i] = 2
			s.index[t.id] = h.expires
			s.extended()
		default:
			codes[i] = 1
			delete(s.index, t.id)
			if h != nil && h.gone != "" {
				s.change(c, record.Del, t.id, h.lease, "")
				continue
			}
			s.w.ending(s, t.id, "", "reap")
			s.change(c, record.Exp, t.id, "", "")
		}
	}
	return s.done(codes)
}

// override sets or undoes what an operator says of one node, or of all.
func (s *server) override(c call, id, override string) reply {
	if r, nothing := s.guard(c, 0); nothing {
		return r
	}
	if s.refusing {
		return s.refuse(call{})
	}
	_, indexed := s.index[id]
	if id == keys.AllNodes {
		indexed = len(s.index) > 0
	}
	switch {
	case s.overrides[id] == override:
		return s.done([]int{2})
	case override != "" && !indexed:
		return s.done([]int{0})
	case override == "":
		delete(s.overrides, id)
	default:
		s.overrides[id] = override
	}
	lease := ""
	if h := s.hash(id); h != nil {
		lease = h.lease
	}
	s.change(c, record.Set, id, lease, override)
	return s.done([]int{1})
}

// recordOf is a node's record; n makes it differ from the next.
func (w *world) recordOf(id string, n uint64) string {
	return `{"address":"` + id + `:1","metadata":{"n":"` + strconv.FormatUint(n, 10) + `"},"ttl":` +
		strconv.FormatInt(w.ttl.Milliseconds(), 10) + `,"v":1}`
}
