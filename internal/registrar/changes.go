package registrar

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/rollcall-go/rollcall/internal/actor"
	"github.com/rollcall-go/rollcall/internal/lifecycle"
	"github.com/rollcall-go/rollcall/internal/logs"
	"github.com/rollcall-go/rollcall/internal/reporter"
)

// A change of a node's state, for the log.
type change struct {
	node       *node
	was, state lifecycle.State
	cause      string
}

// awayStates are those in which callers may miss a node. Each is an episode: lines when
// it begins, one a minute, and one when it ends.
var awayStates = []lifecycle.State{lifecycle.Lost, lifecycle.Withheld, lifecycle.Superseded, lifecycle.Removed}

// logChanges logs what changed since it was called last: one line for all nodes that have
// come to the same state for the same reason, and one for all that are lost. Nodes that
// are lost and back between two calls are one line. book.mu is held.
func (r *book) logChanges() {
	type fact struct {
		was, state lifecycle.State
		cause      string
	}
	byFact := map[fact][]change{}
	var facts []fact
	var lost logs.Note
	var ended [lifecycle.States]logs.Note // of the last that came back, if none has gone since
	now := time.Now()
	for _, t := range r.changes {
		f := fact{t.was, t.state, t.cause}
		if byFact[f] == nil {
			facts = append(facts, f)
		}
		byFact[f] = append(byFact[f], t)
		id := t.node.service.String() + "/" + t.node.id
		for _, s := range awayStates {
			switch {
			case s == t.state:
				if note := r.away[s].Failed(id, now); s == lifecycle.Lost {
					lost = logged(lost, note)
				}
				ended[s] = logs.Note{}
			case s == lifecycle.Lost && t.state == lifecycle.Withheld: // it is not back
			default:
				ended[s] = logged(ended[s], r.away[s].Recovered(id, now))
			}
		}
	}
	if slices.ContainsFunc(r.changes, func(c change) bool { return slices.Contains(awayStates, c.state) }) {
		r.renewals.Signal() // the renewer logs it again each minute
	}
	r.changes = nil
	brief := lost.Phase == logs.Began && ended[lifecycle.Lost].Phase == logs.Ended
	for _, f := range facts {
		if f.state == lifecycle.Lost && lost.Phase == logs.Nothing || f.state == lifecycle.Live && f.was == lifecycle.Lost {
			continue
		}
		level, text := line(f.was, f.state)
		if f.state == lifecycle.Lost {
			lost.Phase = logs.Nothing // one line for all of them
			if brief {
				text = "rollcall: nodes were lost for less than a renewal: redis had lost them, and each is registered again, or deregistered"
			}
		}
		of := byFact[f]
		r.c.Log.Log(level, func(e *zerolog.Event) {
			if level >= zerolog.WarnLevel {
				e.Str("since", now.Format(time.RFC3339))
			}
			describe(e, of).Msg(text)
		})
	}
	for state, text := range map[lifecycle.State]string{
		lifecycle.Lost:       "rollcall: no node is lost any more: all are registered again, or gone",
		lifecycle.Superseded: "rollcall: no node is taken over any more: this registry has deregistered them",
		lifecycle.Removed:    "rollcall: no node is removed by an operator any more: this registry has deregistered them",
	} {
		if note := ended[state]; note.Phase == logs.Ended && !(state == lifecycle.Lost && brief) {
			r.c.Log.Warn(func(e *zerolog.Event) { e.EmbedObject(note).Msg(text) })
		}
	}
}

// remind logs once a minute which nodes callers may miss, and what brings them back. It
// returns when there is more to say.
func (r *book) remind(now time.Time) (next time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	next = now.Add(time.Hour)
	for _, state := range awayStates {
		note := r.away[state].Remind(now)
		if at := r.away[state].Next(); !at.IsZero() {
			next = actor.Earlier(next, at)
		}
		if note.Phase == logs.Nothing {
			continue
		}
		var of []change
		for _, s := range r.services {
			for _, n := range s.nodes {
				if n.State == state {
					of = append(of, change{node: n, state: state, cause: strings.Trim(n.holder, " ()")})
				}
			}
		}
		if len(of) > 0 {
			slices.SortFunc(of, func(a, b change) int { return cmp.Compare(a.node.id, b.node.id) })
			_, text := line(lifecycle.Live, state)
			r.c.Log.Warn(func(e *zerolog.Event) {
				describe(e.EmbedObject(note).Int("count", len(of)), of).Msg(strings.Replace(text, "rollcall: ", "rollcall: still: ", 1))
			})
		}
	}
	return next
}

// logged returns which of two notes is worth a line.
func logged(a, b logs.Note) logs.Note {
	if b.Phase != logs.Nothing {
		return b
	}
	return a
}

// line is the level and the text for a change of state.
func line(was, state lifecycle.State) (zerolog.Level, string) {
	switch {
	case state == lifecycle.Lost:
		return zerolog.WarnLevel, "rollcall: nodes are lost: callers may no longer find them; they are registered again as soon as redis takes it"
	case state == lifecycle.Withheld:
		return zerolog.WarnLevel, "rollcall: a check fails, so leases are not renewed: callers lose the nodes when the leases end"
	case state == lifecycle.Superseded:
		return zerolog.WarnLevel, "rollcall: another process has taken nodes over under the same id, and this one does not renew them any more. That stays so when the other process ends, and then nobody serves the id: to take nodes back, call Deregister, then Register; give each process an id of its own"
	case state == lifecycle.Removed:
		return zerolog.WarnLevel, "rollcall: an operator removed nodes, and they are not renewed any more: to bring them back, call Deregister, then Register"
	case state == lifecycle.Live && was == lifecycle.Withheld:
		return zerolog.WarnLevel, "rollcall: a check passes again, and leases are renewed"
	case state == lifecycle.Live:
		return zerolog.InfoLevel, "rollcall: nodes are registered"
	default:
		return zerolog.InfoLevel, "rollcall: nodes are deregistered"
	}
}

// describe adds which nodes of which services, and why.
func describe(e *zerolog.Event, of []change) *zerolog.Event {
	first := of[0]
	if first.cause != "" {
		e = e.Str("error", first.cause)
	}
	services := map[*service]bool{}
	var ids []string
	for _, n := range of {
		services[n.node.service] = true
		ids = append(ids, n.node.id)
	}
	if e = e.Str("namespace", first.node.service.keys.Namespace()).Str("service", first.node.service.keys.Name()); len(services) > 1 {
		e = e.Int("services", len(services))
	}
	return e.Strs("nodes", reporter.Some(ids)).Stringer("state", first.state)
}
