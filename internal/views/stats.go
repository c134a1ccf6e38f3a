package views

import (
	"time"

	"github.com/rollcall-go/rollcall/internal/listed"
	"github.com/rollcall-go/rollcall/internal/tally"
)

// Stats are the state of one service.
type Stats struct {
	Name  listed.Name
	Since time.Time // when the service was followed
	View  *View
	Calls uint64 // that have begun since Stats was called first
	Tally *tally.Tally
}

// Stats returns those of each service that exists and has a view, and from now on calls are
// counted.
func (h *Hub) Stats() (all []Stats) {
	h.counting.Store(true)
	for s := range h.names.all() {
		s.begun.Count()
		if t := s.table.Load(); t != nil && !t.Unknown() {
			all = append(all, Stats{s.name, s.since, t.View, s.begun.Total(), &s.Tally})
		}
	}
	return all
}
