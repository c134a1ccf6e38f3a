package top

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-go/rollcall/internal/cli"
	"github.com/rollcall-go/rollcall/registry"
)

// A row is a service at one moment.
type row struct {
	Service  string  `json:"service"`
	Nodes    int     `json:"nodes"`
	Up       int     `json:"up"`       // take calls
	Draining int     `json:"draining"` // finish theirs
	Expired  int     `json:"expired"`  // left without Deregister, within about the last TTL
	Joined   float64 `json:"joined"`   // nodes a second
	Left     float64 `json:"left"`     // nodes a second
	Changes  float64 `json:"changes"`  // a second, those of nodes that stay, too
	Health   string  `json:"health"`   // "live", or what is wrong with the view
}

// A service is what the board knows of one between two moments.
type service struct {
	view    *registry.View // the newest; nil before the first
	foreign bool           // no service can have this name

	counted  *registry.View // the one that row is of
	ids      map[string]bool
	row      row
	revision uint64
	history  string
}

// count brings the row up to date. elapsed is the time since the last count; 0 at the first.
func (s *service) count(elapsed time.Duration) {
	if s.view == nil {
		s.row.Health = "not read yet"
		if s.foreign {
			s.row.Health = "its name is not valid"
		}
		return
	}
	if s.view == s.counted {
		s.row.Joined, s.row.Left, s.row.Changes = 0, 0, 0
		return
	}
	ids := make(map[string]bool, len(s.ids))
	r := row{Service: s.row.Service, Expired: len(s.view.Lapsed), Health: health(s.view)}
	joined := 0
	for _, version := range s.view.Services {
		for _, n := range version.Nodes {
			r.Nodes++
			switch cli.Status(n) {
			case cli.Draining:
				r.Draining++
			case cli.Up:
				r.Up++
			}
			ids[n.ID] = true
			if !s.ids[n.ID] {
				joined++
			}
		}
	}
	if s.counted != nil && elapsed > 0 {
		left := len(s.ids) + joined - len(ids)
		r.Joined, r.Left = float64(joined)/elapsed.Seconds(), float64(left)/elapsed.Seconds()
		if s.view.History == s.history && s.view.Revision > s.revision {
			r.Changes = float64(s.view.Revision-s.revision) / elapsed.Seconds()
		}
	}
	s.counted, s.ids, s.row, s.revision, s.history = s.view, ids, r, s.view.Revision, s.view.History
}

// health says what is wrong with a view.
func health(v *registry.View) string {
	switch {
	case !v.StaleSince.IsZero():
		return "Redis is away since " + v.StaleSince.Format(time.TimeOnly)
	case !v.RefusedSince.IsZero():
		return "Redis refuses renewals since " + v.RefusedSince.Format(time.TimeOnly)
	case len(v.Held) > 0:
		return "Redis has lost nodes, they are held"
	}
	return "live"
}

// total is the sum of rows. Its health is the first that is not live.
func total(rows []row) row {
	sum := row{Service: "total", Health: "live"}
	for _, r := range rows {
		sum.Nodes += r.Nodes
		sum.Up += r.Up
		sum.Draining += r.Draining
		sum.Expired += r.Expired
		sum.Joined += r.Joined
		sum.Left += r.Left
		sum.Changes += r.Changes
		if sum.Health == "live" {
			sum.Health = r.Health
		}
	}
	return sum
}

// orders are what rows can be sorted by.
var orders = map[string]func(a, b row) int{
	"name":     func(row, row) int { return 0 },
	"nodes":    func(a, b row) int { return cmp.Compare(b.Nodes, a.Nodes) },
	"changes":  func(a, b row) int { return cmp.Compare(b.Changes, a.Changes) },
	"draining": func(a, b row) int { return cmp.Compare(b.Draining, a.Draining) },
	"expired":  func(a, b row) int { return cmp.Compare(b.Expired, a.Expired) },
}

func sortRows(rows []row, by func(a, b row) int) {
	slices.SortFunc(rows, func(a, b row) int { return cmp.Or(by(a, b), strings.Compare(a.Service, b.Service)) })
}
