package discovery

import "sync/atomic"

// A health is what failed calls say of a node.
type health struct {
	out atomic.Bool
}

func (h *health) ejected() bool { return h.out.Load() }

// report takes the verdict of a call.
func (s *service) report(m *member, v verdict) {}
