package replica

import (
	"slices"
)

// A touch is one node of a call.
type touch struct {
	id, lease string
	seq       uint64
	data      string
	guess     bool // of the lease: register refuses one that is ahead
}

// fence returns what the holder of a node forbids to a call.
func (s *server) fence(h *hash, t touch) (code int, refused bool) {
	switch {
	case h == nil:
	case newer(h.lease, t.lease) && !s.w.isOff(ruleFence):
		return -1, true
	case h.lease != t.lease:
	case h.gone == byOperator:
		return -2, true
	case h.gone != "":
		return -3, true
	case h.seq > t.seq && !s.w.isOff(ruleSeq):
		return 3, true
	}
	return 0, false
}

// renew extends leases, in the hash and in the index.
func (s *server) renew(c call) reply {
	if r, nothing := s.guard(c, 0); nothing {
		return r
	}
	codes := make([]int, len(c.nodes))
	for i, t := range c.nodes {
		_, indexed := s.index[t.id]
		if codes[i] = s.renewable(t); codes[i] == 1 && !indexed {
			codes[i] = 0
		}
	}
	if s.refusing && slices.Contains(codes, 1) {
		return s.refuse(c)
	}
	for i, t := range c.nodes {
		if codes[i] == 1 {
			s.lease(t.id, s.hashes[t.id].ttl)
			s.w.held(s, t)
			s.extended()
		}
	}
	return s.done(codes)
}

func (s *server) renewable(t touch) int {
	h := s.hash(t.id)
	if code, refused := s.fence(h, t); refused {
		return code
	}
	if h != nil && h.lease == t.lease && h.seq == t.seq {
		return 1
	}
	return 0
}

// renewNode extends one lease by the hash alone, which a moving slot allows.
func (s *server) renewNode(c call) reply {
	t, r := c.nodes[0], reply{now: s.clock()}
	if r.failed = s.clock() > c.deadline; r.failed {
		return r
	}
	if r.codes = []int{s.renewable(t)}; r.codes[0] == 1 {
		if s.refusing {
			return s.refuse(c)
		}
		h := s.hashes[t.id]
		h.expires = s.clockMS() + h.ttl
		if _, indexed := s.index[t.id]; indexed {
			s.w.held(s, t)
		} else {
			s.w.refused(c) // no process can list it again before the slot has moved
		}
	}
	return r
}
